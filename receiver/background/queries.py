"""Which questions to ask Prometheus about an alert, and which answers are about it (pure).

Expressions come from Prometheus' own rules; of an alert only labels are used, as quoted values.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from receiver.model import Alert, Labels, Status
from receiver.upstream.expression import Condition, conditions
from receiver.upstream.prometheus import Point, Rules, Series
from receiver.upstream.units import unit_of

_NAME = "__name__"
_ALTERNATIVES = 4
"""Expressions that are tried for an alert at most."""
_UNUSUAL = 6
_OURS = "tocsin_anomal"
_DEVIATION = "tocsin_anomaly_deviation"
_SIGNAL = (_VALUE, _LOWER, _UPPER) = (
    "tocsin_signal_value",
    "tocsin_expected_lower",
    "tocsin_expected_upper",
)
_PLAIN = re.compile(r"[a-zA-Z_]\w*", re.ASCII)
_HOST = re.compile(r"(.+):\d+")


@dataclass(frozen=True, slots=True)
class Watched:
    """What a rule watches, with its unit; `anomalies` says that it watches anomalies of ours."""

    condition: Condition
    unit: str
    anomalies: bool


def leading(alerts: Sequence[Alert]) -> Alert | None:
    """Return the alert that stands for all: the first that fires, else the first."""
    firing = (alert for alert in alerts if alert.status is Status.FIRING)
    return next(firing, alerts[0] if alerts else None)


def watched_by(rules: Rules, alert: Alert) -> tuple[Watched, ...]:
    """Return what the rules watch that can have made an alert."""
    made = [
        rule
        for rule in rules.get(alert.labels.get("alertname", ""), ())
        if _has(alert.labels, {k: v for k, v in rule.labels.items() if "{{" not in v})
    ]
    every = (
        Watched(condition, unit_of(condition.value), _OURS in rule.query)
        for rule in made
        for condition in conditions(rule.query)
    )
    return tuple(dict.fromkeys(every))[:_ALTERNATIVES]


def point_of(alert: Alert, points: Iterable[Point]) -> Point | None:
    """Return the point whose labels the alert has, and of several the one with most of them."""
    about = [point for point in points if _has(alert.labels, _bare(point.labels))]
    return max(about, key=lambda point: len(point.labels), default=None)


def only(expression: str, series: Iterable[Labels]) -> str:
    """Return an expression that has nothing but the series with exactly these labels."""
    wanted = [_bare(labels) for labels in series]
    names = sorted({name for labels in wanted for name in labels if _PLAIN.fullmatch(name)})
    each = (_vector(labels, names) for labels in wanted)
    return f"({expression}) and on ({', '.join(names)}) ({' or '.join(each)})"


def _vector(labels: Labels, names: Iterable[str]) -> str:
    vector = "vector(1)"
    for name in names:
        value = _quote(labels.get(name, "").replace("$", "$$"))
        vector = f'label_replace({vector}, "{name}", {value}, "", "")'
    return vector


def signal_query(labels: Labels) -> str:
    """Ask for a signal's value, band and deviation, and for its labels those that are known."""
    named = "|".join((*_SIGNAL, _DEVIATION))
    matchers = (f'{_NAME}=~"{named}"', f"signal={_quote(labels['signal'])}", *_on_host(labels))
    return f"{{{', '.join(matchers)}}}"


def band_query(labels: Labels) -> str:
    """Ask for the value and the band of a signal that has exactly these labels."""
    known = sorted(pair for pair in _bare(labels).items() if _PLAIN.fullmatch(pair[0]))
    matchers = (f'{_NAME}=~"{"|".join(_SIGNAL)}"', *(f"{k}={_quote(v)}" for k, v in known))
    return f"{{{', '.join(matchers)}}}"


def unusual_query(labels: Labels) -> str:
    """Ask what is anomalous on the host of an alert, or nothing where it names none."""
    where = ", ".join(_on_host(labels))
    if not where:
        return ""
    active = f"tocsin_anomaly_active{{{where}}} == 1"
    return f"topk({_UNUSUAL}, max by (signal) ({_DEVIATION}{{{where}}} and {active}))"


def _on_host(labels: Labels) -> Iterator[str]:
    """Match the host of an alert, at whatever port the exporter is on it."""
    if instance := labels.get("instance"):
        found = _HOST.fullmatch(instance)
        host = re.escape(found[1] if found else instance)
        yield f"instance=~{_quote(f'{host}(:[0-9]+)?')}"


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal with all its labels, and what is known of it."""

    labels: Labels
    numbers: Mapping[str, float]

    @property
    def value(self) -> float | None:
        """What it is."""
        return self.numbers.get(_VALUE)

    @property
    def band(self) -> tuple[float | None, float | None]:
        """What it was expected to be."""
        return self.numbers.get(_LOWER), self.numbers.get(_UPPER)

    @property
    def deviation(self) -> float | None:
        """How improbable it is; 1 is the alarm line."""
        return self.numbers.get(_DEVIATION)


def signal_of(labels: Labels, points: Iterable[Point]) -> Signal | None:
    """Return the signal that agrees with the labels of an alert; of several the most deviant."""
    found: dict[tuple[tuple[str, str], ...], dict[str, float]] = {}
    for point in points:
        bare = _bare(point.labels)
        if all(labels.get(k, v) == v for k, v in bare.items() if k not in {"instance", "job"}):
            known = found.setdefault(tuple(sorted(bare.items())), {})
            known[point.labels.get(_NAME, "")] = point.value
    signals = (Signal(dict(pairs), numbers) for pairs, numbers in found.items())
    return max(signals, key=lambda signal: signal.deviation or 0.0, default=None)


def band_of(every: Iterable[Series]) -> tuple[Series | None, Series | None, list[Series]]:
    """Tell the bounds of a signal's band from its values."""
    named = {one.labels.get(_NAME, ""): one for one in every}
    values = [named[_VALUE]] if _VALUE in named else []
    return named.get(_LOWER), named.get(_UPPER), values


def _has(labels: Labels, wanted: Labels) -> bool:
    return all(labels.get(name) == value for name, value in wanted.items())


def _bare(labels: Labels) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name != _NAME}


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
