"""How things stand by the API: what fires, what began and how soon it was over, what is owed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from receiver.model import OF_NONE, Act
from receiver.store.audit import Change
from receiver.store.records import Decision, Known
from receiver.store.store import Store
from tests.receiver import refusals
from tests.receiver.clients import Client
from tests.receiver.webhooks import alert, webhook


def owed(_: Known) -> Decision:
    return Decision(("ops",))


async def ask(client: Client, path: str, **query: str) -> Any:
    answer = await client.get(f"/api/v1/{path}", params=query)
    assert answer.status == 200, await answer.text()
    return await answer.json()


@pytest.fixture
async def past(store: Store) -> None:
    """Three incidents of the last hour, one of them over, one taken; and one of last week."""
    now = store.now()
    for group, before, status in (
        ("old", timedelta(days=7), "firing"),
        ("a", timedelta(minutes=50), "firing"),
        ("a", timedelta(minutes=40), "resolved"),
        ("b", timedelta(minutes=30), "firing"),
        ("c", timedelta(minutes=20), "firing"),
        (f"{OF_NONE}x", timedelta(minutes=5), "firing"),
    ):
        name = "Slow" if group == "c" else "Down"
        severity = "warning" if group == "c" else "critical"
        item = alert(f"host-{group}", status, alertname=name, severity=severity)
        told = webhook([item], groupKey=group, groupLabels={"alertname": name})
        await store.accept(replace(told, received_at=now - before), owed)
    taken = Act("acknowledge", "Ada", now - timedelta(minutes=25))
    await store.handling.acknowledge(3, taken, Change("ada", "acknowledge"))


@pytest.mark.usefixtures("past")
async def test_what_began_is_counted_with_how_soon_it_was_taken_and_over(client: Client) -> None:
    told = await ask(client, "summary")
    assert (told["opened"], told["severities"]) == (3, {"critical": 2, "warning": 1})
    assert (told["acknowledged"], told["mean_time_to_acknowledge_seconds"]) == (1, 300.0)
    assert (told["resolved"], told["mean_time_to_resolve_seconds"]) == (1, 600.0)
    assert told["talkers"] == [{"title": "Down", "opened": 2}, {"title": "Slow", "opened": 1}]
    assert sum(hour["opened"] for hour in told["hours"]) == 3
    assert (await ask(client, "summary", last="30d"))["opened"] == 4


async def test_of_nothing_there_is_no_mean(client: Client) -> None:
    told = await ask(client, "summary")
    assert told["mean_time_to_acknowledge_seconds"] is None
    assert (told["opened"], told["hours"], told["talkers"]) == (0, [], [])


@pytest.mark.parametrize("last", ["0s", "91d", "soon", "-1d"])
async def test_a_time_that_makes_no_sense_is_refused(client: Client, last: str) -> None:
    answer = await client.get("/api/v1/summary", params={"last": last})
    assert answer.status == 400
    assert await refusals.places(answer) == ["last"]


@pytest.mark.usefixtures("past")
async def test_what_fires_is_told_page_by_page_with_its_incident(client: Client) -> None:
    first = await ask(client, "alerts", limit="2")
    rest = await ask(client, "alerts", next=first["next"])
    hosts = [(a["incident"], a["labels"]["instance"]) for a in first["alerts"] + rest["alerts"]]
    assert hosts == [(4, "host-c"), (3, "host-b"), (1, "host-old")]
    assert [a["state"] for a in first["alerts"]] == ["open", "acknowledged"]


@pytest.mark.usefixtures("past")
async def test_each_channel_says_what_it_is_owed(client: Client) -> None:
    found = {each["name"]: each for each in (await ask(client, "channels"))["channels"]}
    assert found.keys() == {"inbox", "ops"}
    assert (found["ops"]["owed"], found["ops"]["resting"]) == (6, False)
    assert (found["inbox"]["owed"], found["inbox"]["oldest"]) == (0, None)
