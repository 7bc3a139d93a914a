"""What a claimed batch says once what is out of date is taken away (pure)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from receiver.model import Alert, Delivery, Message, Notification, Status
from receiver.store.records import Outcome, Posted
from receiver.store.settling import DIGEST

RESOLVED_BEFORE_SENT = "resolved_before_sent"
MERGED = "merged"
PARTLY_REFUSED = "partly_refused"


@dataclass(frozen=True, slots=True)
class Telling:
    """What is told of one incident: its deliveries in order, and what they say together."""

    deliveries: tuple[Delivery, ...]
    notification: Notification

    @property
    def newest(self) -> Delivery:
        """The delivery with the last word."""
        return self.deliveries[-1]


def merge(batch: Iterable[Delivery]) -> tuple[Telling, ...]:
    """Say once what an incident's messages say one after the other: of each alert the last word."""
    incidents: dict[int, list[Delivery]] = {}
    for delivery in batch:
        incidents.setdefault(delivery.incident, []).append(delivery)
    return tuple(Telling(tuple(each), _together(each)) for each in incidents.values())


def _together(deliveries: Sequence[Delivery]) -> Notification:
    last = deliveries[-1].notification
    if len(deliveries) == 1:
        return last
    words: dict[str, Alert] = {}
    for delivery in deliveries:
        for alert in delivery.notification.alerts:
            words.pop(alert.fingerprint, None)
            words[alert.fingerprint] = alert
    alerts = tuple(words.values())
    fires = any(alert.status is Status.FIRING for alert in alerts)
    status = Status.FIRING if fires else Status.RESOLVED
    return replace(
        last, alerts=alerts, status=status, reason=""
    )  # with the first word, no reminder


def carrier_of(tellings: Sequence[Telling]) -> Delivery:
    """Return the delivery that stands for a message about all of these: the newest."""
    return max((telling.newest for telling in tellings), key=lambda each: each.id)


def outcomes(
    tellings: Sequence[Telling], carrier: Delivery, message: Message
) -> Iterator[tuple[Delivery, Outcome]]:
    """Yield what becomes of each delivery now that `message` was sent for all of them.

    The `carrier` keeps the message; the others refer to it.
    """
    for telling in tellings:
        for delivery in telling.deliveries:
            if delivery is carrier:
                reason = PARTLY_REFUSED if message.refused else ""
                yield delivery, Outcome("sent", reason, message.refused, message=message)
            else:
                state, reason = _fate(delivery, telling, alone=len(tellings) == 1)
                yield delivery, Outcome(state, reason, within=carrier.id)


def _fate(delivery: Delivery, telling: Telling, *, alone: bool) -> tuple[str, str]:
    """Return the state and the reason of a delivery that a message of another one has told.

    One whose alerts were all over before anybody heard that they fire is suppressed.
    """
    if len(telling.deliveries) > 1 and _is_over(delivery.notification, telling.notification):
        return "suppressed", RESOLVED_BEFORE_SENT
    return "sent", MERGED if alone else DIGEST


def _is_over(said: Notification, later: Notification) -> bool:
    """Whether of all that one notification says to fire the later one says that it is over."""
    now = {alert.fingerprint: alert.status for alert in later.alerts}
    fired = (a.status is Status.FIRING and now[a.fingerprint] is not a.status for a in said.alerts)
    return bool(said.alerts) and all(fired)


def posted(delivery: Delivery, message: Message) -> Posted:
    """Return what the page shows of a message that this delivery carries."""
    return Posted(
        id=delivery.id,
        channel=delivery.channel,
        status=message.status.value,
        severity=message.severity.name,
        title=message.title,
        body=message.body,
        accepted_at=delivery.accepted_at,
    )
