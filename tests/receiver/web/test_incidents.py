"""Incidents by the API: found, looked at, taken, silenced and talked about."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientSession

from receiver.incidents.acting import Acting
from receiver.model import Act
from receiver.store.audit import Change
from receiver.store.records import Decision, Known, Outcome
from receiver.store.standings import Standing
from receiver.store.store import Store
from receiver.web.keys import Desk, Site
from tests.fakes.alerts import make_message
from tests.receiver.claiming import claim, settle
from tests.receiver.clients import Client
from tests.receiver.webhooks import START, alert, webhook

URL = "/api/v1/incidents"


def owed(_: Known) -> Decision:
    return Decision(("ops",))


@pytest.fixture
async def client(client: Client, site: Site) -> AsyncIterator[Client]:
    """Let people act on the site's incidents."""
    async with ClientSession() as http:
        acting = Acting(site.store, http, site.metrics, site.intake.accept, None)
        site.desk = Desk(acting, {}, site.signer, http)
        yield client


async def ask(client: Client, path: str = "", **query: str) -> Any:
    answer = await client.get(f"{URL}{path}", params=query)
    assert answer.status == 200, await answer.text()
    return await answer.json()


@pytest.fixture
async def filled(store: Store) -> None:
    """1 is over, 2 is critical, 3 warns only and is silenced."""
    for group, status in (("1", "firing"), ("1", "resolved"), ("2", "firing")):
        told = webhook([alert(f"host-{group}", status)], groupKey=group)
        await store.accept(told, owed)
    named = {"alertname": "DiskFull", "mount": "/var_100%"}
    warning = webhook(
        [alert("host-3", severity="warning")], groupKey="3", groupLabels=named, commonLabels=named
    )
    await store.accept(warning, owed)
    group = warning.notification.group_hash
    await store.stand({(group, "host-3"): Standing("silenced", START, "Ada")})


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, [3, 2, 1]),
        ({"state": "active"}, [3, 2]),
        ({"state": "open"}, [2]),
        ({"state": "silenced"}, [3]),
        ({"state": "resolved"}, [1]),
        ({"state": "acknowledged"}, []),
        ({"severity": "warning"}, [3]),
        ({"q": "diskfull"}, [3]),
        ({"q": "mount=/VAR_100%"}, [3]),
        ({"q": "/varx100"}, []),
        ({"q": "down alertname"}, [2, 1]),
        ({"limit": "1", "next": "3"}, [2]),
    ],
)
async def test_incidents_are_found_by_state_severity_and_words(
    client: Client, query: dict[str, str], found: list[int]
) -> None:
    assert [each["id"] for each in (await ask(client, **query))["incidents"]] == found


@pytest.mark.usefixtures("filled")
async def test_an_incident_says_what_it_is_and_how_it_stands(client: Client) -> None:
    hidden, loud, over = (await ask(client))["incidents"]
    told = ("title", "severity", "state", "firing", "alerts", "hushed")
    assert [hidden[name] for name in told] == ["DiskFull", "warning", "silenced", 1, 1, 1]
    assert [loud[name] for name in told] == ["Down", "critical", "open", 1, 1, 0]
    assert [over[name] for name in told] == ["Down", "critical", "resolved", 0, 1, 0]
    assert over["resolved_at"] is not None


@pytest.mark.parametrize(
    "query",
    [{"state": "ajar"}, {"severity": "bad"}, {"limit": "0"}, {"next": "x"}, {"q": "a " * 11}],
)
async def test_a_wrong_parameter_is_named(client: Client, query: dict[str, str]) -> None:
    answer = await client.get(URL, params=query)
    assert answer.status == 400
    assert next(iter(query)) in (await answer.json())["detail"]


async def test_the_worst_severity_so_far_is_the_incidents(client: Client, store: Store) -> None:
    for severity in ("warning", "critical", "info"):
        await store.accept(webhook([alert(f"{severity}-1", severity=severity)]), owed)
    (found,) = (await ask(client))["incidents"]
    assert (found["severity"], found["firing"]) == ("critical", 3)


async def test_whoever_takes_it_says_why_and_the_timeline_tells_all(
    client: Client, store: Store
) -> None:
    await store.accept(webhook(), owed)
    sent = await claim(store, "ops", store.now(), store.now() + timedelta(minutes=1))
    assert sent is not None
    await settle(store, sent, Outcome("sent", message=make_message()), store.now())
    taken = await client.post(
        f"{URL}/1/acknowledge", json={"comment": "looking at it", "for": "2h"}
    )
    assert taken.status == 200, await taken.text()
    assert (await client.post(f"{URL}/1/comment", json={"text": "the fan died"})).status == 201
    found = await ask(client, "/1")
    assert (found["state"], found["taken"]["comment"]) == ("acknowledged", "looking at it")
    assert found["taken"]["until"] > found["taken"]["at"]
    kinds = [event["kind"] for event in found["timeline"]]
    assert sorted(set(kinds)) == ["act", "comment", "firing", "message", "opened"]
    told = [event for event in found["timeline"] if event["kind"] == "message"]
    said = {(event["who"], event["state"], event["number"]) for event in told}
    assert said == {("ops", "sent", 1), ("inbox", "owed", 2), ("ops", "owed", 3)}
    (remark,) = (event for event in found["timeline"] if event["kind"] == "comment")
    assert remark["what"] == "the fan died"
    again = await client.post(f"{URL}/1/acknowledge", json={})
    assert (await again.json())["outcome"] == "already"


async def test_an_acknowledgement_holds_for_its_time_and_no_longer(store: Store) -> None:
    await store.accept(webhook(), owed)
    now = store.now()
    act = Act("acknowledge", "Ada", now, now + timedelta(hours=1))
    await store.handling.acknowledge(1, act, Change("ada", "acknowledge"))
    for later, state in ((timedelta(minutes=59), "acknowledged"), (timedelta(hours=1), "open")):
        found = await store.incidents.look_up(1, now + later)
        assert found is not None
        assert found.state == state
        handled = await store.handling.handled(1, now + later)
        assert handled is not None
        assert (handled.taken is not None) is (state == "acknowledged")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/9/acknowledge", {}, 404),
        ("/9/comment", {"text": "hm"}, 404),
        ("/1/comment", {"text": ""}, 400),
        ("/1/comment", {"txt": "hm"}, 400),
        ("/1/acknowledge", {"for": "31d"}, 400),
        ("/1/silence", {"for": "0s"}, 400),
        ("/1/silence", {}, 409),
    ],
)
async def test_what_cannot_be_done_is_refused_in_words(
    client: Client, store: Store, path: str, body: dict[str, str], status: int
) -> None:
    await store.accept(webhook(), owed)
    answer = await client.post(f"{URL}{path}", json=body)
    assert answer.status == status, await answer.text()
    assert (await answer.json())["detail"]
