from collections.abc import Callable

import pytest
from aiohttp import ClientSession

from receiver.channels.pagerduty import PagerDuty
from receiver.model import SendError, Status
from receiver.severity import SEVERITIES, Severity
from tests.fakes.alerts import make_message
from tests.fakes.pagerduty import FakePagerDuty


@pytest.fixture
def service(pagerduty: FakePagerDuty, secret_file: Callable[[str, str], str]) -> PagerDuty:
    config = {"key_file": secret_file("key", pagerduty.key), "url": f"{pagerduty.base}/v2/enqueue"}
    return PagerDuty.model_validate({"type": "pagerduty", **config})


async def test_an_incident_is_opened_told_again_and_closed(
    service: PagerDuty, pagerduty: FakePagerDuty, http: ClientSession
) -> None:
    await service.send(make_message(key="key-1"), http)
    await service.send(make_message("worse", key="key-2"), http)
    assert pagerduty.open == {"thread-1"}
    await service.send(make_message(status=Status.RESOLVED, key="key-3"), http)
    assert pagerduty.open == set()
    assert pagerduty.texts == ["the body", "worse", "the body"]


async def test_what_somebody_took_here_is_taken_there(
    service: PagerDuty, pagerduty: FakePagerDuty, http: ClientSession
) -> None:
    await service.send(make_message(key="key-1"), http)
    await service.send(make_message(key="key-2", act="acknowledge"), http)
    assert pagerduty.taken == pagerduty.open == {"thread-1"}
    await service.send(make_message(key="key-3", status=Status.RESOLVED), http)
    assert pagerduty.taken == pagerduty.open == set()


async def test_what_is_about_no_one_incident_is_a_change_and_opens_none(
    service: PagerDuty, pagerduty: FakePagerDuty, http: ClientSession
) -> None:
    for act in ("handover", "silence-ends", "weekly"):
        links = (("Inbox", "https://tocsin.example.com"),)
        await service.send(make_message("told", key=act, act=act, apart=True, links=links), http)
    assert (pagerduty.open, pagerduty.events) == (set(), [])
    assert [each["payload"]["custom_details"]["text"] for each in pagerduty.changes] == ["told"] * 3
    assert pagerduty.changes[0]["links"] == [
        {"href": "https://tocsin.example.com", "text": "Inbox"}
    ]


async def test_an_incident_there_names_the_hosts_and_has_the_links_and_the_picture(
    service: PagerDuty, pagerduty: FakePagerDuty, http: ClientSession
) -> None:
    links = (("Runbook", "https://wiki.example.com/cpu"),)
    picture = "https://tocsin.example.com/picture/4f0c"
    await service.send(make_message(hosts=("web-1", "web-2"), links=links, link=picture), http)
    await service.send(make_message(), http)
    full, bare = pagerduty.events
    assert full["payload"]["source"] == "web-1, web-2"
    assert full["links"] == [{"href": "https://wiki.example.com/cpu", "text": "Runbook"}]
    assert [image["src"] for image in full["images"]] == [picture]
    assert (bare["payload"]["source"], bare["links"], bare["images"]) == ("tocsin", [], [])


@pytest.mark.parametrize(
    ("severity", "theirs"),
    [
        (SEVERITIES["critical"], "critical"),
        (SEVERITIES["high"], "error"),
        (SEVERITIES["medium"], "warning"),
        (SEVERITIES["none"], "info"),
        (Severity("urgent-ish", 3, "#fbc02d", "🟡"), "warning"),
    ],
)
async def test_every_severity_is_one_of_the_four(
    severity: Severity,
    theirs: str,
    service: PagerDuty,
    pagerduty: FakePagerDuty,
    http: ClientSession,
) -> None:
    await service.send(make_message(severity=severity), http)
    assert pagerduty.events[0]["payload"]["severity"] == theirs


async def test_a_title_and_a_thread_beyond_the_limits_are_cut(
    service: PagerDuty, pagerduty: FakePagerDuty, http: ClientSession
) -> None:
    await service.send(make_message(title="严重🔴" * 1_000, thread="t" * 300), http)
    (event,) = pagerduty.events
    assert 1_000 < len(event["payload"]["summary"].encode("utf-16-le")) // 2 <= 1_024
    assert event["dedup_key"] == "t" * 255


async def test_a_wrong_key_is_for_a_person_to_mend_and_told_without_it(
    service: PagerDuty, pagerduty: FakePagerDuty, http: ClientSession
) -> None:
    key, pagerduty.key = pagerduty.key, "other"
    with pytest.raises(SendError, match="no integration has this key") as caught:
        await service.send(make_message(), http)
    assert (caught.value.reason, caught.value.permanent) == ("auth", False)
    assert key not in caught.value.detail


async def test_an_event_that_is_refused_is_given_up(
    service: PagerDuty, http: ClientSession
) -> None:
    with pytest.raises(SendError, match=r"'payload\.summary' is invalid") as caught:
        await service.send(make_message(title=""), http)
    assert caught.value.permanent


def test_each_message_is_sent_for_itself(service: PagerDuty) -> None:
    assert not service.gathers
