"""What a report is made of, and what it says (frozen)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from receiver.model import Labels
from receiver.reports.due import Kind, Period
from receiver.store.review import Fate, Review


@dataclass(frozen=True, slots=True)
class Trace:
    """A series of a signal over a period and the one before it: seconds since 1970, and values."""

    labels: Labels
    times: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Watched:
    """What Prometheus said of a signal, or why it said nothing.

    `full` is the value at which it is at its end, where it has one.
    """

    name: str
    unit: str
    full: float | None = None
    traces: Sequence[Trace] = ()
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a report is built from; `watched` is None where no Prometheus is configured."""

    kind: Kind
    period: Period
    review: Review
    watched: Sequence[Watched] | None = None


@dataclass(frozen=True, slots=True)
class Ranked:
    """A rule by a number: how often, or for how many seconds; `count` says of how many."""

    title: str
    value: float
    count: int = 0


@dataclass(frozen=True, slots=True)
class Noise:
    """A rule whose incidents were over at once, or came again and again."""

    title: str
    opened: int
    brief: int
    flaps: bool


@dataclass(frozen=True, slots=True)
class Open:
    """An incident that is open at the end of a period, and for how many seconds."""

    id: int
    title: str
    severity: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Performance:
    """A series in numbers, in its signal's unit; `slope` is how much it grows in a day.

    `change` is that of the mean against the period before, as a share of it, where that is known
    and not nothing; it is `notable` where it is beyond how much the values differ anyway. `full`
    is in how many days it is at its end, where it grows and that is sure.
    """

    signal: str
    unit: str
    labels: Labels
    mean: float
    most: float
    p95: float
    slope: float
    change: float | None = None
    notable: bool = False
    full: float | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that the report cannot say: a word for what, and why."""

    what: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What was in a period. Times are seconds, shares are of one; None is not known.

    `opened_before` and `severities_before` are of the period before; `mtbf` is the mean time
    between the openings of a rule, with how many there were. `availability` is one less the share
    of the time in which an incident of the most urgent severity was open. `longest` are open at
    the end, the oldest first, of `open` all in all.
    """

    kind: Kind
    period: Period
    opened: int
    opened_before: int | None
    severities: Mapping[str, int]
    severities_before: Mapping[str, int]
    acknowledged: float | None
    mtta: float | None
    mttr: float | None
    mtbf: Sequence[Ranked]
    critical: float
    availability: float
    by_count: Sequence[Ranked]
    by_time: Sequence[Ranked]
    noisiest: Sequence[Noise]
    longest: Sequence[Open]
    open: int
    fates: Sequence[Fate]
    performance: Sequence[Performance] = ()
    more: int = 0
    """Series that are not among `performance`."""
    missing: Sequence[Missing] = field(default=())

    @property
    def quiet(self) -> bool:
        """Whether nothing opened, and nothing is open."""
        return not self.opened and not self.open
