"""What goes into the store and what comes out of it (frozen)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from receiver.model import Alert, Delivery, Message, Notification, Status
from receiver.store.schema import EPOCH


@dataclass(frozen=True, slots=True)
class Webhook:
    """An accepted request: its bytes, what they say, and when they came.

    It `beats` where the Watchdog fires in it.
    """

    body: bytes
    notification: Notification
    received_at: datetime
    beats: bool = False


LOOKED_AT = 4
"""Episodes of an alert: one that fires, and some that are over. What is older is stale."""


@dataclass(frozen=True, slots=True)
class Join:
    """What incidents have alike that are one: they join what began `within` so long, or is open."""

    key: str
    within: timedelta


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms webhooks are taken: how many episodes of each alert are looked at.

    And within what time after its end an incident is opened again by what fires in its group, and
    what it has alike with others that it may `join`, where it opens another.
    """

    depth: int = LOOKED_AT
    reopen: timedelta = timedelta()
    join: Join | None = None


AS_EVER = Terms()
"""Each end is one."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the store knows of a group before a webhook is added to it.

    `firing` and `resolved` give, for each fingerprint, the start of its latest episode in that
    state; `assumed` those of which only the receiver itself said that they are over, which a
    firing alert proves wrong. `owed_at` is when a webhook with the same delivery key was last
    owed to somebody. `ahead` are starts of such as are over that lie in what is the future here:
    a clock that ran ahead must not make what fires now an old story. `hidden` are those that fire
    and that nobody was told of, with what hid them, and `often` says since when an alert began as
    many times as was looked at.
    """

    firing: Mapping[str, datetime] = field(default_factory=dict)
    resolved: Mapping[str, datetime] = field(default_factory=dict)
    assumed: Mapping[str, datetime] = field(default_factory=dict)
    owed_at: datetime | None = None
    hidden: Mapping[str, str] = field(default_factory=dict)
    often: Mapping[str, datetime] = field(default_factory=dict)
    ahead: Mapping[str, datetime] = field(default_factory=dict)

    def is_stale(self, alert: Alert) -> bool:
        """Whether it fires for an episode that is over: a late word of another Alertmanager.

        Or says that one is over of which that was assumed, and told; the latest such one may
        fire still, those before it may not.
        https://github.com/prometheus/alertmanager/issues/2447
        """
        assumed = self.assumed.get(alert.fingerprint)
        if alert.status is Status.RESOLVED:
            return assumed is not None and alert.starts_at <= assumed
        return self._is_over(alert) or (assumed is not None and alert.starts_at < assumed)

    def _is_over(self, alert: Alert) -> bool:
        """Whether its episode, or a later one, is over; that which fires is not."""
        if self.firing.get(alert.fingerprint) == alert.starts_at:
            return False
        over = self.resolved.get(alert.fingerprint)
        if over is not None and alert.starts_at <= over:
            return True
        return self.ahead.get(alert.fingerprint) == alert.starts_at

    def is_news(self, alert: Alert) -> bool:
        """Whether it begins an episode or ends one."""
        if self.is_stale(alert) or self._is_over(alert):
            return False
        burning = self.firing.get(alert.fingerprint)
        return alert.status is Status.RESOLVED or burning is None or alert.starts_at > burning


MAINTENANCE, MUTED, QUIET_HOURS = "maintenance", "muted", "quiet-hours"
FLAPPING, NO_ROUTE = "flapping", "no_route"
REPEATED = "reminder"
"""The reason for which a message is owed that says what was said before."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why nobody, or a channel, is told now: `name` is that of the window or of the hours."""

    reason: str
    name: str

    @property
    def mark(self) -> str:
        """What episodes are marked with that it hides; no window's name has a slash."""
        return f"{FLAPPING}/{self.name}" if self.reason == FLAPPING else self.name

    @classmethod
    def of(cls, mark: str) -> Self:
        """Read a mark."""
        kind, flaps, name = mark.partition(f"{FLAPPING}/")
        return cls(FLAPPING, name) if flaps and not kind else cls(MAINTENANCE, mark)


@dataclass(frozen=True, slots=True)
class Decision:
    """Who is owed a message for a webhook; with a reason, nobody is, and that is why.

    A `reminder` says what was said before. `left_out` has the fingerprints of alerts that the
    message must not mention. Of webhooks that belong to no incident, only a group's newest is
    kept. `stand_ins` are owed it too if they have told of the incident in a channel's place, also
    where no route leads to anybody.

    `holds` are the channels that are told nothing until their hold ends. `hidden` has the
    fingerprints of alerts that are covered `hidden_by` a window, which no message mentions, and
    `late` of those that are told now though they were hidden before.
    """

    channels: tuple[str, ...]
    reason: str = ""
    left_out: tuple[str, ...] = ()
    incident: bool = True
    reminder: bool = False
    stand_ins: tuple[str, ...] = ()
    holds: Mapping[str, Hold] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    hidden_by: Hold | None = None
    late: tuple[str, ...] = ()

    @property
    def told(self) -> tuple[str, ...]:
        """The channels that are owed it."""
        return () if self.reason else tuple(n for n in self.channels if n not in self.holds)


@dataclass(frozen=True, slots=True)
class Gate:
    """What is remembered of a destination, so that a restart does not forget its limits.

    `tokens` were left at `counted_at`; the other side asked to be left alone until
    `paused_until`; after so many `failures` in a row it rests until `open_until`.
    """

    tokens: float = 1e9
    counted_at: datetime = EPOCH
    paused_until: datetime = EPOCH
    failures: int = 0
    open_until: datetime = EPOCH


@dataclass(frozen=True, slots=True)
class Line:
    """A channel's place in the outbox: where its messages end up, and who takes over."""

    channel: str
    destination: str = ""
    fallback: str = ""

    @property
    def gate(self) -> str:
        """What its gate is remembered under; channels of one destination share it."""
        return self.destination or f"channel:{self.channel}"


@dataclass(frozen=True, slots=True)
class Waiting:
    """What could be sent now, by lane (counted up to a bound), and the gate to its destination."""

    gate: Gate
    urgent: int
    ordinary: int


@dataclass(frozen=True, slots=True)
class Choice:
    """How many incidents' messages to take now, and the gate once they are taken.

    Nothing is taken of the ordinary lane while the urgent one has enough, unless `mixed`. Where
    none is taken but some wait, `again` says when to ask again.
    """

    take: int
    gate: Gate
    mixed: bool = False
    again: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: `sent`, `suppressed`, `later` (again at `not_before`) or `dead`.

    `within` is the delivery whose message told this one too. `reached` are those who have it while
    others are owed it still.
    """

    state: str
    reason: str = ""
    detail: str = ""
    not_before: datetime | None = None
    message: Message | None = None
    within: int | None = None
    reached: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Turn:
    """What was claimed; where that is nothing though something waits, when to ask again."""

    batch: tuple[Delivery, ...]
    waiting: Waiting
    again: datetime | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """A message as it was sent, for the inbox page."""

    id: int
    channel: str
    status: str
    severity: str
    title: str
    body: str
    accepted_at: datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """What became of a message: its state, and why.

    `alerts` are the first of `total`; `within` is the delivery that told it, or tells it, instead.
    `detail` is how the last attempt ended. Who has it claimed has it until `lease`, and `behind` is
    when what its incident is owed before it is tried again.
    """

    id: int
    channel: str
    state: str
    reason: str
    incident: int | None
    attempts: int
    accepted_at: datetime
    not_before: datetime
    settled_at: datetime | None
    within: int | None
    status: str
    severity: str
    title: str
    alerts: tuple[Alert, ...]
    total: int
    held_by: str | None = None
    detail: str = ""
    urgent: int = 0
    lease: datetime | None = None
    behind: datetime | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to send; `ended_at` is None while it lasts, or where the process died in it."""

    number: int
    started_at: datetime
    ended_at: datetime | None
    outcome: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Queue:
    """How many messages a channel is owed, and when the oldest of that was accepted."""

    channel: str
    owed: int
    oldest: datetime
