"""Reports by the API and at their pages."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from aiohttp.test_utils import TestClient, TestServer

from receiver.model import Language
from receiver.store.records import Decision, Known
from receiver.store.review import Reviewing
from receiver.store.schema import StoreUnavailableError
from receiver.store.store import Store
from receiver.web.auth import Token
from receiver.web.keys import Site
from receiver.web.pages import Pages
from receiver.web.server import application
from tests.receiver import refusals
from tests.receiver.clients import Client
from tests.receiver.webhooks import alert, webhook


@pytest.fixture
async def yesterday(store: Store) -> str:
    """Have an incident with a nasty name, in the newest day that is over; returns its date."""
    now = store.now()
    ends = now.replace(hour=9, minute=0, second=0, microsecond=0)
    at = (ends if ends <= now else ends - timedelta(days=1)) - timedelta(hours=2)
    item = alert("web-1", alertname="<b>Down")
    told = webhook([item], groupKey="a", groupLabels={"alertname": "<b>Down"})
    await store.accept(replace(told, received_at=at), _owed)
    return f"{at:%Y-%m-%d}"


def _owed(_: Known) -> Decision:
    return Decision(("ops",))


async def test_a_report_is_had_by_the_api(client: Client, yesterday: str) -> None:
    told = await (await client.get("/api/v1/reports/daily")).json()
    assert (told["kind"], told["opened"], told["severities"]) == ("daily", 1, {"critical": 1})
    assert told["availability"] == pytest.approx(1 - 2 / 24)
    assert told["fates"] == [{"channel": "ops", "state": "owed", "reason": "", "count": 1}]
    assert datetime.fromisoformat(told["period"]["end"]).hour == 9
    assert {"what": "prometheus", "why": ""} in told["missing"]
    same = await (await client.get("/api/v1/reports/daily", params={"of": yesterday})).json()
    assert same == told
    older = await (await client.get("/api/v1/reports/daily", params={"of": "2020-01-01"})).json()
    assert (older["opened"], older["period"]["end"][:10]) == (0, "2020-01-01")


@pytest.mark.parametrize("of", ["yesterday", "1999-12-31", "9999-12-31", "2026-13-01"])
async def test_a_day_that_is_none_is_refused(client: Client, of: str) -> None:
    answer = await client.get("/api/v1/reports/weekly", params={"of": of})
    assert answer.status == 400
    assert await refusals.places(answer) == ["of"]
    page = await client.get("/reports/weekly", params={"of": of}, allow_redirects=False)
    assert page.headers["Location"] == "weekly"


async def test_there_is_no_other_report(client: Client) -> None:
    assert (await client.get("/api/v1/reports/monthly")).status == 404


@pytest.fixture
async def chinese(site: Site) -> AsyncIterator[Client]:
    site.pages = Pages(Language.ZH, "Asia/Shanghai")
    async with TestClient(TestServer(application(site))) as opened:
        yield opened


@pytest.mark.usefixtures("yesterday")
async def test_the_page_says_it_in_english(client: Client) -> None:
    text = await (await client.get("/reports/daily")).text()
    assert "<h1>Daily report</h1>" in text
    assert "Incidents opened: 1: Critical 1" in text
    assert "&lt;b&gt;Down: 1 times" in text
    assert 'href="../static/report.css"' in text


@pytest.mark.usefixtures("yesterday")
async def test_the_page_says_it_in_chinese(chinese: Client) -> None:
    text = await (await chinese.get("/reports/daily")).text()
    assert "<h1>日报</h1>" in text
    assert "新增事件：1：严重 1" in text
    assert '<html lang="zh">' in text


async def test_a_report_needs_the_scope_to_read(client: Client, guarded: list[Token]) -> None:
    for path in ("/reports/weekly", "/api/v1/reports/weekly"):
        assert (await client.get(path)).status == 401
        for scope, status in (("ingest", 403), ("read", 200)):
            asked = {"Authorization": f"Bearer {scope}"}
            assert (await client.get(path, headers=asked)).status == status
    assert guarded


async def test_the_page_says_that_the_store_is_away(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise StoreUnavailableError

    monkeypatch.setattr(Reviewing, "look", away)
    assert (await client.get("/reports/daily")).status == 503
    assert (await client.get("/api/v1/reports/daily")).status == 503
