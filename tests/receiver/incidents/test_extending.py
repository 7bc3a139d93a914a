"""The reminder of a silence makes it longer, at a real Alertmanager, for whoever may."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientConnectionError, ClientSession

from tests.fakes.slack import FakeSlack
from tests.receiver.incidents.kit import audited, click, until

_LASTS = timedelta(minutes=20, seconds=2)
"""A little longer than the reminder comes before the end."""


@pytest.fixture
def document(document: dict[str, Any], alertmanager: str) -> dict[str, Any]:
    told = {"url": alertmanager, "interval": "5s", "silence_reminder": "20m"}
    return document | {"alertmanager": told}


async def hush(http: ClientSession, alertmanager: str) -> datetime:
    """Have something fire there, and silence it; returns until when."""
    now = datetime.now(UTC)
    async with asyncio.timeout(20):
        while True:
            try:
                fires = [{"labels": {"alertname": "Down", "instance": "web-1"}}]
                await http.post(f"{alertmanager}/api/v2/alerts", json=fires)
                break
            except ClientConnectionError:
                await asyncio.sleep(0.1)
    ends = now + _LASTS
    said = {
        "matchers": [{"name": "instance", "value": "web-1", "isRegex": False}],
        "startsAt": now.isoformat(),
        "endsAt": ends.isoformat(),
        "createdBy": "Bob",
        "comment": "moving",
    }
    async with http.post(f"{alertmanager}/api/v2/silences", json=said) as answer:
        assert answer.status == 200
    return ends


async def ends_at(http: ClientSession, alertmanager: str) -> list[datetime]:
    async with http.get(f"{alertmanager}/api/v2/silences") as answer:
        found = await answer.json()
    active = (each for each in found if each["status"]["state"] == "active")
    return [datetime.fromisoformat(each["endsAt"]) for each in active]


async def test_a_click_on_the_reminder_makes_the_silence_longer_and_a_second_does_not(
    http: ClientSession, url: str, slack: FakeSlack, alertmanager: str
) -> None:
    before = await hush(http, alertmanager)
    await until(lambda: bool(slack.messages))
    assert "Silence ends soon" in slack.texts[0]
    assert slack.buttons() == ["extend-1h", "extend-4h"]
    await click(http, url, slack, "extend-1h", "UEVE")
    (refused,) = await ends_at(http, alertmanager)
    assert round((refused - before).total_seconds()) == 0
    for _ in range(2):
        await click(http, url, slack, "extend-1h", "UADA")
        (after,) = await ends_at(http, alertmanager)
        assert round((after - before).total_seconds()) == 3600
    assert [who for who, _ in slack.whispers] == ["UEVE", "UADA", "UADA"]
    assert slack.whispers[1][1].startswith("Done. until ")
    acts = [(who, verb, how) for who, verb, _, how in await audited(http, url)]
    assert ("Eve", "extend-1h", "refused: role") in acts
    assert [how.startswith("until ") for who, _, how in acts if who == "Ada"] == [True, True]
