"""Silences by a click, in a real Alertmanager: what fires goes quiet, and what differs does not."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession

from receiver.upstream.alertmanager import Alertmanager
from receiver.upstream.asking import AskError
from receiver.upstream.quieting import extend
from receiver.upstream.silences import Silence, silence
from tests.fakes.alertmanager import FakeAlertmanager
from tests.fakes.slack import FakeSlack
from tests.receiver.incidents.kit import audited, click, tell, until

NOW = datetime.now(UTC)


@pytest.fixture
def document(document: dict[str, Any], alertmanager: str) -> dict[str, Any]:
    # The first of them does not answer: any member of a cluster will do.
    return document | {"alertmanager": {"url": ["http://127.0.0.1:9", alertmanager]}}


@pytest.fixture
async def shown(http: ClientSession, url: str, slack: FakeSlack, alertmanager: str) -> str:
    async with asyncio.timeout(30):
        while True:
            try:
                await silences(http, alertmanager)
                break
            except (ClientError, OSError):
                await asyncio.sleep(0.1)
    await tell(http, url)
    await until(lambda: bool(slack.standing))
    return url


async def silences(http: ClientSession, alertmanager: str) -> list[dict[str, Any]]:
    async with http.get(f"{alertmanager}/api/v2/silences") as answer:
        found: list[dict[str, Any]] = await answer.json()
    return [each for each in found if each["status"]["state"] == "active"]


async def test_a_click_silences_what_all_that_fires_has_in_common(
    http: ClientSession, shown: str, slack: FakeSlack, alertmanager: str
) -> None:
    assert slack.buttons() == ["acknowledge", "silence-1h", "silence-4h"]
    await click(http, shown, slack, "silence-1h", "UADA")
    await until(lambda: len(slack.messages) == 2)
    (made,) = await silences(http, alertmanager)
    assert {m["name"]: m["value"] for m in made["matchers"]} == {
        "alertname": "Down",
        "severity": "critical",
    }
    assert made["createdBy"] == "Ada"
    ends = datetime.fromisoformat(made["endsAt"])
    assert abs(ends - datetime.now(UTC) - timedelta(hours=1)) < timedelta(minutes=1)
    assert "*Ada* silenced this until" in slack.texts[1]
    assert "Silenced" in slack.standing["1700000000.000000"]["text"]
    (row,) = await audited(http, shown)
    assert row[:3] == ("Ada", "silence", "incident 1")
    assert made["id"] in row[3]


async def test_clicking_again_makes_no_second_one_and_a_longer_one_takes_its_place(
    http: ClientSession, shown: str, slack: FakeSlack, alertmanager: str
) -> None:
    clicks = (click(http, shown, slack, "silence-1h", user) for user in ("UADA", "UBOB"))
    await asyncio.gather(*clicks)
    (made,) = await silences(http, alertmanager)
    ((_, said),) = slack.whispers
    assert said == f"Already done by {made['createdBy']}."
    await click(http, shown, slack, "silence-4h", "UBOB")
    (longer,) = await silences(http, alertmanager)
    assert datetime.fromisoformat(longer["endsAt"]) > datetime.now(UTC) + timedelta(hours=3)
    assert longer["createdBy"] == "Bob"


async def test_where_no_alertmanager_answers_nothing_is_changed_and_that_is_said(
    http: ClientSession,
) -> None:
    told = Alertmanager.model_validate({"url": ["http://127.0.0.1:9"]})
    wanted = Silence({"alertname": "Down"}, NOW, NOW + timedelta(hours=1), "Ada", "Tocsin")
    with pytest.raises(AskError, match="127"):
        await silence(http, told, wanted)


@pytest.mark.parametrize("ugly", [500, 400, "html", "closes", "redirects"])
async def test_an_alertmanager_that_answers_otherwise_is_no_silence(
    http: ClientSession, ugly: Any
) -> None:
    async with FakeAlertmanager() as fake:
        fake.next.append(ugly)
        told = Alertmanager.model_validate({"url": fake.base})
        wanted = Silence({"alertname": "Down"}, NOW, NOW + timedelta(hours=1), "Ada", "Tocsin")
        with pytest.raises(AskError):
            await silence(http, told, wanted)


async def test_silences_are_planned_listed_and_ended_by_the_api(
    http: ClientSession, shown: str, alertmanager: str
) -> None:
    api = f"{shown}/api/v1/silences"
    wanted = {"matchers": ['instance=~"web-.+"', 'env!="dev"'], "for": "2h", "comment": "moving"}
    async with http.post(api, json=wanted) as answer:
        assert answer.status == 201, await answer.text()
        made = await answer.json()
    (known,) = await silences(http, alertmanager)
    assert {(m["name"], m["isRegex"], m["isEqual"]) for m in known["matchers"]} == {
        ("instance", True, True),
        ("env", False, False),
    }
    async with http.get(api) as answer:
        (found,) = (await answer.json())["silences"]
    assert sorted(found["matchers"]) == sorted(wanted["matchers"])
    assert (found["id"], found["comment"], found["state"]) == (made["id"], "moving", "active")
    async with http.delete(f"{api}/{made['id']}") as answer:
        assert answer.status == 204
    assert await silences(http, alertmanager) == []
    async with http.delete(f"{api}/{made['id']}") as answer:
        assert answer.status == 404
    assert [action for _, action, *_ in await audited(http, shown)] == ["silence", "unsilence"]


async def test_a_silence_that_is_made_longer_stays_the_same_one(
    http: ClientSession, shown: str, alertmanager: str
) -> None:
    wanted = {"matchers": ['env!="dev"', 'rack=~"[0-9]+"'], "for": "2h", "comment": "moving"}
    async with http.post(f"{shown}/api/v1/silences", json=wanted) as answer:
        made = await answer.json()
    (before,) = await silences(http, alertmanager)
    told = Alertmanager.model_validate({"url": alertmanager})
    longer = await extend(http, told, made["id"], timedelta(hours=1))
    assert longer is not None
    (after,) = await silences(http, alertmanager)
    hour = datetime.fromisoformat(after["endsAt"]) - datetime.fromisoformat(before["endsAt"])
    assert hour == timedelta(hours=1)
    same = ("id", "matchers", "createdBy", "comment", "startsAt")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert await extend(http, told, "no-such", timedelta(hours=1)) is None


@pytest.mark.parametrize(
    ("wanted", "place"),
    [
        ({"matchers": ['a=""'], "for": "1h", "comment": "x"}, "matchers"),
        ({"matchers": ["a"], "for": "1h", "comment": "x"}, "matchers.0"),
        ({"matchers": ['a="b"'], "for": "0s", "comment": "x"}, "for"),
        ({"matchers": ['a="b"'], "for": "1h"}, "comment"),
    ],
)
async def test_a_silence_that_makes_no_sense_is_refused(
    http: ClientSession, url: str, wanted: dict[str, Any], place: str
) -> None:
    async with http.post(f"{url}/api/v1/silences", json=wanted) as answer:
        assert answer.status == 400
        assert place in await answer.text()
