"""What flows between the rooms of the receiver."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from receiver.severity import Severity, most_urgent, severity_of

Labels = Mapping[str, str]


class ConfigError(Exception):
    """A configuration that cannot be used; `problems` has one line for each thing wrong."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Status(StrEnum):
    """Alertmanager's two states of an alert or a group."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Language(StrEnum):
    """The languages that messages are written in."""

    EN = "en"
    ZH = "zh"


RESOLVED_COLOR = "#388e3c"
RESOLVED_EMOJI = "🟢"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert of a webhook. (fingerprint, starts_at) is its episode."""

    fingerprint: str
    status: Status
    labels: Labels
    annotations: Labels
    starts_at: datetime
    ends_at: datetime | None
    generator_url: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did about an incident: `until` is when that ends by itself, if it does.

    Of an escalation `who` is asked now, `whom` is the key of that person, empty for a channel, and
    `detail` names schedules that had nobody. Of a response `who` is its runbook, `run` its number.
    """

    verb: str
    who: str
    at: datetime
    until: datetime | None = None
    detail: str = ""
    whom: str = ""  # of a silence that ends, its id
    run: int = 0


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Notification:
    """One webhook of Alertmanager: a group of alerts at one moment; `external_url` is its own.

    `reason` is Alertmanager's `notification_reason` (0.32 and newer), empty where it has none.
    `act` is what somebody did about it; then the receiver itself wrote the rest again, to say so.
    """

    receiver: str
    group_key: str
    status: Status
    alerts: tuple[Alert, ...]
    group_labels: Labels = field(default_factory=dict)
    common_labels: Labels = field(default_factory=dict)
    common_annotations: Labels = field(default_factory=dict)
    external_url: str = ""
    truncated: int = 0
    reason: str = ""
    act: Act | None = None

    @property
    def severity(self) -> Severity:
        """The most urgent severity of the alerts that fire, or of all when none does."""
        firing = [alert for alert in self.alerts if alert.status is Status.FIRING]
        told = most_urgent(alert.labels for alert in firing or self.alerts)
        return told or severity_of(self.common_labels)

    @property
    def group_hash(self) -> str:
        """A short stable name for (receiver, group key)."""
        return _digest(self.receiver, self.group_key)

    @property
    def topic(self) -> str:
        """What all that comes of this group is about, however its alerts change."""
        named = self.group_labels
        return named.get("alertname") or " ".join(v for v in named.values() if v) or self.receiver

    @property
    def delivery_key(self) -> str:
        """The same for a webhook that says the same again.

        Leaves out endsAt, externalURL and annotations, which differ between the replicas of
        one Alertmanager or Prometheus.
        """
        said = sorted(f"{a.fingerprint} {a.status} {_written(a.starts_at)}" for a in self.alerts)
        if self.act:
            said += [self.act.verb, self.act.who, self.act.at.isoformat(), self.act.detail]
        return _digest(self.receiver, self.group_key, *said)


_OVER = ("maintenance-over", "muted-over", "quiet-hours-over")
_CALLING = frozenset({"", "escalate", "respond-asks", "respond-fails", *_OVER})
"""Acts of which people hear who were not told before; of others whoever did them has heard."""
ASSUMED = "no longer known to Alertmanager"
"""The `reason` of a notification that the receiver wrote for a resolved that never came."""
REOPENED, JOINED = "incident reopened", "incident joined"
REMINDER = "repeat interval elapsed"
"""The `reason` of a notification that says nothing new; older Alertmanagers do not give it."""
OF_NONE = "tocsin:none:"
"""How the key of a group begins that is no incident: it tells of several, or of none."""
ACT_KEY = "tocsin"
"""The key of an `Act` in a webhook that the receiver wrote itself to tell of it."""

_written = lru_cache(maxsize=4096)(datetime.isoformat)  # most alerts begin when others do


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Reading:
    """An alert in numbers: its value, what is ordinary there, and how far from it (1 is alarm).

    `unit` is that of the numbers: a base unit such as bytes, seconds or ratio, or words of a rule.
    """

    value: float | None = None
    unit: str = ""
    lower: float | None = None
    upper: float | None = None
    deviation: float | None = None


@dataclass(frozen=True, slots=True)
class Unusual:
    """A signal of the same host that is anomalous too, and how far; 1 is the alarm line."""

    signal: str
    deviation: float


@dataclass(frozen=True, slots=True)
class Background:
    """What Prometheus knows of a notification beyond what its alerts say.

    `readings` are by fingerprint; `picture` is a PNG, and `link` where it can be seen for a while.
    """

    readings: Mapping[str, Reading] = field(default_factory=dict)
    unusual: tuple[Unusual, ...] = ()
    picture: bytes | None = None
    link: str = ""


UNKNOWN = Background()
"""Where Prometheus was not asked, or did not answer in time."""


@dataclass(frozen=True, slots=True)
class Handles:
    """How somebody is called: a name, a mobile number, and ids at chats; all may be empty."""

    name: str = ""
    mobile: str = ""
    slack: str = ""
    dingtalk: str = ""
    feishu: str = ""
    telegram: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel sends. `body` is in the channel's own format; `title` is one plain line.

    `key` is the same when the same message is tried again; `thread` when messages belong to
    one incident. `place` is where that incident's message stands at the provider, empty where
    there is none that could be changed, and `brief` what an answer to it there says instead.
    `picture` is a PNG, if there is one, and `link` the address at which it can be seen; `pictures`
    are those that a digest's page shows. `act` is the verb where it tells what somebody did.
    `buttons` are (verb, words), for whoever can show some, about the incident of that number.
    `links` are (words, URL) of what can be opened, those by which one acts first; the body has them
    too. `labels` are those of each firing alert, `hosts` what alerts call their machines, `topic`
    what all titles of an incident are about, or empty. `reached` have it already, and `refused`
    says who never will; `asked` are called by name. What is `apart` is about no incident that
    stands anywhere, and of what `joined` another incident's message stands at the place.
    """

    title: str
    body: str
    html: str
    status: Status
    severity: Severity
    key: str
    thread: str
    place: str = ""
    picture: bytes | None = None
    link: str = ""
    pictures: tuple[bytes, ...] = ()
    brief: str = ""
    act: str = ""
    incident: int = 0
    buttons: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    labels: tuple[Labels, ...] = field(default=(), hash=False)  # mappings have none
    topic: str = ""
    hosts: tuple[str, ...] = ()
    reached: frozenset[str] = frozenset()
    refused: str = ""
    asked: tuple[Handles, ...] = ()
    apart: bool = False
    joined: bool = False

    @property
    def calls(self) -> bool:
        """Whether it asks for somebody: something fires, and it is not only told what was done."""
        return self.status is Status.FIRING and self.act in _CALLING

    @property
    def color(self) -> str:
        """The colour of what the message says: green once resolved."""
        return RESOLVED_COLOR if self.status is Status.RESOLVED else self.severity.color


@dataclass(frozen=True, slots=True)
class Pace:
    """A provider's rule: at most `count` messages within any `period` of seconds."""

    count: int
    period: float


@dataclass(frozen=True, slots=True)
class Delivery:
    """An owed message, claimed from the outbox: what to say, where, and how often it was tried.

    `reached` are those who have it already, the first since `reached_at`; others are owed it still.
    The incident was `reopened` so often, and where it is one with others `head` is the first.
    """

    id: int
    channel: str
    incident: int
    notification: Notification
    attempts: int
    accepted_at: datetime
    reached: frozenset[str] = frozenset()
    reached_at: datetime | None = None
    reopened: int = 0
    head: int = 0


class SendError(Exception):
    """A message that a channel could not deliver, for a `reason` in a short word.

    A permanent error is about the message itself and is never tried again; what a person can mend,
    like a wrong secret, is not permanent. `retry_after` is the other side's own wish in seconds,
    `detail` what it said, and `reached` are those whom this very attempt has brought the message.
    """

    def __init__(
        self,
        reason: str,
        detail: str,
        *,
        permanent: bool = False,
        retry_after: float | None = None,
        reached: Collection[str] = (),
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.permanent = permanent
        self.retry_after = retry_after
        self.reached = frozenset(reached)


class PartlyRefusedError(SendError):
    """Some have the message; the others never will where it is permanent, and else are owed it."""
