"""What is kept of a response: where it stands, what was done, and what is known of others."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from receiver.model import Labels


class State(StrEnum):
    """Where a run is, or how it ended."""

    WAITING = "waiting"
    ASKING = "asking"
    ACTING = "acting"
    VERIFYING = "verifying"
    UNDOING = "undoing"
    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    FAILED = "failed"
    UNDONE = "undone"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    REHEARSED = "rehearsed"


UNDER_WAY = (State.ACTING, State.VERIFYING, State.UNDOING)
PENDING = (State.WAITING, State.ASKING, *UNDER_WAY)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A response that an alert sets off, the `attempt`th to its episode."""

    runbook: str
    fingerprint: str
    starts_at: datetime
    incident: int
    target: str
    mode: str
    labels: Labels
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Run:
    """A response: `reason` and `detail` say why it stands where it does."""

    id: int
    wanted: Wanted
    state: State
    reason: str
    detail: str
    made_at: datetime
    changed_at: datetime
    begun_at: datetime | None
    ended_at: datetime | None
    lease: datetime | None
    turn: int


@dataclass(frozen=True, slots=True)
class Step:
    """Something that was done in a run; `outcome` is empty as long as nobody knows it."""

    number: int
    phase: str
    action: str
    said: str
    begun_at: datetime
    ended_at: datetime | None = None
    outcome: str = ""
    detail: str = ""
    output: str = ""
    notes: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Since:
    """From when on runs count for a rate, and targets for the blast radius."""

    rate: datetime
    blast: datetime


@dataclass(frozen=True, slots=True)
class Past:
    """What is known when it is decided about a run.

    `running` are all runs that act now, `of_runbook` and `on_target` those of the same runbook
    and target. `begun` runs of this episode acted before, `recent` ones of the runbook lately, on
    these `targets`, and `last` is when one on the same target ended. `verified` counts runs to
    which people agreed and that helped. `switch` and `breaker` are why they are thrown, or empty.
    """

    fires: bool = True
    running: int = 0
    of_runbook: int = 0
    on_target: int = 0
    begun: int = 0
    recent: int = 0
    targets: frozenset[str] = frozenset()
    last: datetime | None = None
    verified: int = 0
    switch: str = ""
    breaker: str = ""
    agreed: Mapping[str, datetime] | None = None


@dataclass(frozen=True, slots=True)
class Ruling:
    """Where a run goes next, and why; `trips` opens the runbook's breaker."""

    state: State
    reason: str = ""
    detail: str = ""
    trips: bool = False


Judge = Callable[[Run, Past], Ruling]
