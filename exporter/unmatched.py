"""What the configuration names and nothing has matched yet: a name misspelt makes no noise."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from exporter.collectors.patterns import patterns
from exporter.groups.roster import GroupRule
from exporter.model import Metric, Sample, SeriesKey

UNMATCHED = Metric(
    "tocsin_config_unmatched",
    "1 for what the configuration names and nothing has matched since it was read, "
    "15 minutes ago or more.",
    labels=("section", "name"),
)
_PATIENCE = 900.0
"""Seconds for which it may be that something is still to come."""
_NO_METRIC = (
    "the exporter's own page has no such series of its metric "
    "(what is sent to /api/v1/observations is a signal by itself)"
)
_NO_ANSWER = "its expression has had no series"
_NO_SIGNAL = "no signal's name is like this, of those that there are or that were sent"
_NO_MEMBER = "no series has a signal's name, and labels, like these"


@dataclass(frozen=True, slots=True)
class Want:
    """An entry of the configuration that series are to match."""

    section: str
    name: str
    hint: str
    """What may be wrong where none does."""
    takes: Callable[[Collection[str], Iterable[SeriesKey]], bool]
    """Whether one of these series is meant; the names of their signals come first."""


def wanted(
    signals: Mapping[str, bool], modelled: Iterable[str], groups: Iterable[GroupRule]
) -> Iterator[Want]:
    """Yield what a configuration wants.

    Of signals it is told whether a Prometheus is asked for them, of models the patterns.
    """
    for name, asked in signals.items():
        yield _signal("signals", name, _NO_ANSWER if asked else _NO_METRIC)
    for source in modelled:
        yield _modelled(source)
    for rule in groups:
        yield Want("groups", rule.name or ", ".join(rule.by), _NO_MEMBER, rule.takes_any)


def _signal(section: str, name: str, hint: str) -> Want:
    return Want(section, name, hint, lambda signals, _: name in signals)


def _modelled(source: str) -> Want:
    match = patterns(source).match
    return Want("models.signals", source, _NO_SIGNAL, lambda signals, _: any(map(match, signals)))


class Unmatched:
    """The entries that wait; one that was met once is no longer told."""

    def __init__(self, wants: Iterable[Want] = (), since: float = 0.0) -> None:
        """Begin to wait at `since`, in monotonic seconds."""
        self._open = list(wants)
        self._since = since
        self._keys: tuple[SeriesKey, ...] | None = None

    def meet(self, keys: tuple[SeriesKey, ...]) -> None:
        """Take note of the series that there are; costs nothing while they are the same."""
        if keys is self._keys or not self._open:
            return
        self._keys = keys
        signals = {key.signal for key in keys}
        self._open = [want for want in self._open if not want.takes(signals, keys)]

    def late(self, now: float) -> bool:
        """Whether it is time to say that something is wrong."""
        return bool(self._open) and now - self._since >= _PATIENCE

    def __str__(self) -> str:
        """Say what waits, and what may be wrong."""
        return "; ".join(
            f"{want.section}: {want.name} matches nothing: {want.hint}" for want in self._open
        )

    def samples(self, now: float) -> Iterator[Sample]:
        """Yield what has waited too long."""
        if self.late(now):
            yield from (UNMATCHED.sample(1.0, want.section, want.name) for want in self._open)
