from datetime import timedelta
from typing import Any

from receiver.delivery.merge import carrier_of, merge, outcomes
from receiver.intake.webhook import parse
from receiver.model import Delivery, Status
from tests.fakes.alerts import make_message
from tests.receiver.webhooks import START, alert, body


def owed(number: int, *alerts: dict[str, Any], incident: int = 1) -> Delivery:
    at = START + timedelta(seconds=number)
    return Delivery(number, "ops", incident, parse(body(alerts)), 1, at)


def fates(*batch: Delivery) -> dict[int, tuple[str, str, int | None]]:
    tellings = merge(batch)
    settled = outcomes(tellings, carrier_of(tellings), make_message())
    return {each.id: (out.state, out.reason, out.within) for each, out in settled}


def test_of_each_alert_an_incident_tells_the_last_word() -> None:
    (telling,) = merge(
        [
            owed(1, alert("aa")),
            owed(2, alert("aa", "resolved"), alert("bb")),
            owed(3, alert("bb"), alert("cc")),
        ]
    )
    said = {a.fingerprint: a.status for a in telling.notification.alerts}
    assert said == {"aa": Status.RESOLVED, "bb": Status.FIRING, "cc": Status.FIRING}
    assert telling.notification.status is Status.FIRING
    assert telling.newest.id == 3


def test_a_single_message_is_told_as_it_came() -> None:
    (telling,) = merge([owed(1, alert("aa"))])
    assert telling.notification == parse(body([alert("aa")]))


def test_what_is_over_before_anybody_heard_of_it_is_suppressed_by_name() -> None:
    batch = (owed(1, alert("aa")), owed(2, alert("aa", "resolved")))
    assert fates(*batch) == {
        1: ("suppressed", "resolved_before_sent", 2),
        2: ("sent", "", None),
    }
    (telling,) = merge(batch)
    assert telling.notification.status is Status.RESOLVED


def test_what_still_holds_is_sent_within_the_newer_message() -> None:
    batch = (owed(1, alert("aa"), alert("bb")), owed(2, alert("aa", "resolved"), alert("bb")))
    assert fates(*batch)[1] == ("sent", "merged", 2)


def test_the_messages_of_several_incidents_are_sent_within_the_digest() -> None:
    batch = (
        owed(1, alert("aa")),
        owed(2, alert("bb"), incident=2),
        owed(3, alert("cc"), incident=3),
    )
    assert fates(*batch) == {
        1: ("sent", "digest", 3),
        2: ("sent", "digest", 3),
        3: ("sent", "", None),
    }


def test_an_alert_that_fires_again_is_not_over() -> None:
    batch = (owed(1, alert("aa")), owed(2, alert("aa", "resolved")), owed(3, alert("aa", minute=5)))
    (telling,) = merge(batch)
    (said,) = telling.notification.alerts
    assert (said.status, said.starts_at) == (Status.FIRING, START + timedelta(minutes=5))
    assert fates(*batch)[1] == ("sent", "merged", 3)
