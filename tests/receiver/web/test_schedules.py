"""Who is on call, as the API, the calendar, the metrics and the page say it."""

import re
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse

from receiver.incidents.oncall.duty import Duty
from receiver.incidents.people import Person
from receiver.model import Language
from receiver.store.store import Store
from receiver.web.auth import Token
from receiver.web.keys import Site
from receiver.web.pages import Pages
from tests.receiver import refusals
from tests.receiver.clients import Client
from tests.receiver.incidents.oncall.schedules import WEEKLY, schedule

NOW = datetime(2026, 1, 6, 11, 0, tzinfo=UTC)
PEOPLE = {"ada": Person(name="<Ada>", email="ada@example.com"), "bob": Person(name="王庆")}
EVE = Person(name="Eve")
OPS, DB = "/api/v1/schedules/ops", "/api/v1/schedules/db"
MAKE = f"{OPS}/overrides"
LUNCH = {"person": "eve", "from": "2026-01-06 13:00", "until": "2026-01-06T14:00:00+01:00"}


@pytest.fixture(autouse=True)
def duty(site: Site, store: Store, monkeypatch: pytest.MonkeyPatch) -> Duty:
    monkeypatch.setattr(store, "now", lambda: NOW)
    office = WEEKLY | {"only": ["Mon-Fri 09:00-11:00"]}
    plans = {"ops": schedule(), "db": schedule(office, zone="UTC")}
    site.duty = Duty(plans, PEOPLE | {"eve": EVE}, store)
    return site.duty


def bearer(scope: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {scope}"}


async def said(answer: ClientResponse, status: int = 200) -> Any:
    assert answer.status == status, await answer.text()
    return await answer.json()


def shown(shifts: list[dict[str, Any]]) -> list[str]:
    return [f"{s['person']} {s['since'][5:16]} {s['until'][5:16]} {s['why']}" for s in shifts]


async def test_every_schedule_is_listed_with_who_is_on_call(client: Client) -> None:
    listed = (await said(await client.get("/api/v1/schedules")))["schedules"]
    assert [(each["name"], each["timezone"]) for each in listed] == [
        ("ops", "Europe/Berlin"),
        ("db", "UTC"),
    ]
    assert listed[0]["on_call"] == {
        "person": "ada",
        "name": "<Ada>",
        "since": "2026-01-05T08:00:00+00:00",
        "until": "2026-01-12T08:00:00+00:00",
        "why": "layer",
        "number": 1,
    }
    assert listed[1]["on_call"] is None


async def test_a_schedule_shows_its_shifts_and_gaps_for_the_time_asked_about(
    client: Client,
) -> None:
    told = await said(await client.get(DB, params={"from": "2026-01-06", "until": "2026-01-07"}))
    assert shown(told["shifts"]) == [
        "None 01-06T00:00 01-06T09:00 gap",
        "ada 01-06T09:00 01-06T11:00 layer",
        "None 01-06T11:00 01-07T00:00 gap",
    ]
    two_weeks = await said(await client.get(OPS))
    assert (two_weeks["from"], two_weeks["until"]) == (
        "2026-01-06T11:00:00+00:00",
        "2026-01-20T11:00:00+00:00",
    )
    assert [each["person"] for each in two_weeks["shifts"]] == ["ada", "bob", "ada"]


@pytest.mark.parametrize(
    ("path", "query", "status", "wrong"),
    [
        ("/api/v1/schedules/none", {}, 404, "there are ops, db, hourly"),
        ("/api/v1/schedules/none.ics", {}, 404, "there are ops, db, hourly"),
        (OPS, {"from": "soon"}, 400, "from: not a time"),
        (OPS, {"until": "2026-01-06 10:00"}, 400, "until: write a time after from"),
        (OPS, {"until": "2028-01-06"}, 400, "at most 366 days"),
        (OPS, {"from": "9999-12-31"}, 400, "from: not a year of this century"),
        ("/api/v1/schedules/hourly.ics", {}, 400, "at most 2000"),
        (f"{OPS}.ics", {"until": "0001-01-01"}, 400, "until: not a year of this century"),
    ],
)
async def test_what_cannot_be_answered_is_said_with_a_remedy(
    client: Client, site: Site, path: str, query: dict[str, str], status: int, wrong: str
) -> None:
    hourly = schedule(WEEKLY | {"turn": "1h"})
    site.duty = Duty({**site.duty.schedules, "hourly": hourly}, PEOPLE, site.store)
    assert wrong in (await said(await client.get(path, params=query), status))["detail"]


async def test_an_override_holds_from_when_it_was_made_and_is_in_the_audit(
    client: Client, guarded: list[Token], store: Store
) -> None:
    assert guarded
    made = await said(await client.post(MAKE, json=LUNCH, headers=bearer("operate")), 201)
    assert made == {
        "id": 1,
        "person": "eve",
        "since": "2026-01-06T12:00:00+00:00",
        "until": "2026-01-06T13:00:00+00:00",
        "who": "operate",
    }
    early = {"person": "bob", "from": "2026-01-01", "until": "2026-01-06 12:30"}
    assert (await client.post(MAKE, json=early, headers=bearer("operate"))).status == 201
    told = await said(await client.get(OPS, headers=bearer("read")))
    assert shown(told["shifts"])[:4] == [
        "bob 01-06T11:00 01-06T11:30 override",  # what was before stays as it was
        "ada 01-06T11:30 01-06T12:00 layer",
        "eve 01-06T12:00 01-06T13:00 override",
        "ada 01-06T13:00 01-12T08:00 layer",
    ]
    assert [each["id"] for each in told["overrides"]] == [1, 2]
    change = (await store.changes())[1].change
    assert (change.who, change.action, change.subject) == ("operate", "override", "schedule ops")
    assert change.detail == "eve 2026-01-06T12:00:00+00:00 2026-01-06T13:00:00+00:00"


async def test_an_override_is_withdrawn_once(client: Client, store: Store) -> None:
    await said(await client.post(MAKE, json=LUNCH), 201)
    assert (await client.delete(f"{DB}/overrides/1")).status == 404
    assert (await said(await client.delete(f"{MAKE}/1")))["person"] == "eve"
    assert (await client.delete(f"{MAKE}/1")).status == 404
    assert (await client.delete(f"{MAKE}/{'9' * 40}")).status == 404
    assert (await said(await client.get(OPS)))["overrides"] == []
    assert (await store.changes())[0].change.action == "withdraw"


@pytest.mark.parametrize(
    ("change", "place", "wrong"),
    [
        ({"person": "mallory"}, "person", "there are ada, bob, eve"),
        ({"until": "2026-01-06 12:00"}, "until", "correct it"),
        ({"until": "2028-01-06"}, "until", "more than 366 days"),
        ({"until": "soon"}, "until", "write it like 2026-01-05 09:00"),
        ({"from": "2999-01-01", "until": "2999-01-02"}, "from", "not a year of this century"),
        ({"why": "lunch"}, "why", "known here: person, from, until"),
    ],
)
async def test_an_override_that_makes_no_sense_is_refused(
    client: Client, store: Store, change: dict[str, str], place: str, wrong: str
) -> None:
    answer = await client.post(MAKE, json=LUNCH | change)
    assert wrong in (await said(answer, 400))["detail"]
    assert await refusals.places(answer) == [f"#/{place}"]
    assert await store.rota.overrides(NOW) == []


async def test_a_token_of_another_scope_changes_nothing_and_one_of_none_sees_nothing(
    client: Client, guarded: list[Token]
) -> None:
    assert guarded
    read = bearer("read")
    assert (await client.post(MAKE, json=LUNCH, headers=read)).status == 403
    assert (await client.delete(f"{MAKE}/1", headers=read)).status == 403
    for path in ("/api/v1/schedules", OPS, f"{OPS}.ics", "/on-call"):
        assert (await client.get(path)).status == 401
        assert (await client.get(path, headers=bearer("ingest"))).status == 403
        assert (await client.get(path, headers=read)).status == 200


async def test_overrides_of_somebody_who_left_count_no_longer(client: Client, site: Site) -> None:
    await said(await client.post(MAKE, json=LUNCH | {"from": "2026-01-06 12:00"}), 201)
    people = {key: person for key, person in site.duty.people.items() if key != "eve"}
    site.duty = Duty(site.duty.schedules, people, site.store)
    told = await said(await client.get(OPS))
    assert told["shifts"][0]["person"] == "ada"
    assert told["overrides"] == []


async def test_a_calendar_has_half_a_year_of_shifts_of_people_with_their_names(
    client: Client,
) -> None:
    answer = await client.get(f"{OPS}.ics")
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    text = await answer.text()
    assert text.count("BEGIN:VEVENT") == 27
    assert "SUMMARY:王庆\r\n" in text
    assert "ATTENDEE:mailto:ada@example.com\r\n" in text
    assert "DTSTART:20260105T080000Z\r\n" in text


async def test_metrics_say_who_is_on_call_and_where_nobody_is(client: Client) -> None:
    text = await (await client.get("/metrics")).text()
    assert re.findall(r"^tocsin_on_call.*$", text, re.MULTILINE) == [
        'tocsin_on_call{person="ada",schedule="ops"} 1.0',
        'tocsin_on_call_gap{schedule="ops"} 0.0',
        'tocsin_on_call_gap{schedule="db"} 1.0',
    ]


async def test_the_page_shows_now_and_two_weeks_on_in_both_languages(
    client: Client, site: Site
) -> None:
    await said(await client.post(MAKE, json=LUNCH), 201)
    text = await (await client.get("/on-call")).text()
    assert "<h1>On call</h1>" in text
    assert '<b>&lt;Ada&gt;</b>\n<span class="badge">now</span>' in text
    assert "Mon 2026-01-12 09:00</time>" in text
    assert '<time datetime="2026-01-06T13:00:00+00:00">14:00</time>' in text
    assert "stands in" in text
    assert "<b>Nobody</b>" in text
    assert 'href="on-call"' not in await (await client.get("/")).text()
    site.pages = Pages(Language.ZH, "Asia/Shanghai", schedules=True)
    assert '<a href="on-call">值班</a>' in await (await client.get("/")).text()
    text = await (await client.get("/on-call")).text()
    assert '<html lang="zh">' in text
    for word in ("值班", "当前", "代班", "无人值班", "周一 2026-01-12 09:00"):
        assert word in text


async def test_without_a_schedule_the_page_says_what_to_write(client: Client, site: Site) -> None:
    site.duty = Duty({}, {}, site.store)
    assert "Write one under schedules" in await (await client.get("/on-call")).text()
    assert await said(await client.get("/api/v1/schedules")) == {"schedules": []}


async def test_while_the_store_is_away_nothing_is_said_that_may_be_wrong(
    client: Client, database: Path
) -> None:
    with sqlite3.connect(database) as other:
        other.execute("alter table overrides rename to gone")
    other.close()
    for path in ("/api/v1/schedules", OPS, f"{OPS}.ics", "/on-call"):
        assert (await client.get(path)).status == 503
    assert (await client.post(MAKE, json=LUNCH)).status == 503
    assert (await client.delete(f"{MAKE}/1")).status == 503
