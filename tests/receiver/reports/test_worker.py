"""A report is told once when it is due, by whichever receiver is first, and in either language."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from receiver.channels.contract import Format
from receiver.intake.webhook import parse
from receiver.messages.render import Style, render
from receiver.model import Language
from receiver.reports.build import build
from receiver.reports.facts import Facts, Watched
from receiver.reports.post import body
from receiver.reports.reporting import Reporting
from receiver.reports.settings import Reports
from receiver.reports.worker import Telling
from receiver.store.notices import Asked
from receiver.store.review import Past
from receiver.store.store import Store
from tests.fakes.postgres import Postgres
from tests.receiver.reports.kit import PERIOD, facts, trace

BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)
SETTINGS = Reports.model_validate(
    {
        "daily": {"at": "09:00", "channels": ["mail"]},
        "weekly": {"on": "mon", "channels": ["mail", "chat"]},
    },
    context={"channels": ["mail", "chat"]},
)
SUNDAY = datetime(2026, 3, 29, 6, 59, tzinfo=UTC)
"""A minute before nine on the day on which clocks are set forward."""


def telling(store: Store, woken: Callable[..., None] = lambda _: None) -> Telling:
    reporting = Reporting(store, SETTINGS, BERLIN, links="https://t.example.com")
    return Telling(lambda: reporting, store, parse, woken)


async def told(store: Store, channel: str = "mail") -> list[str]:
    return [each.title for each in await store.notices(Asked(channel=channel))]


async def test_each_is_told_at_its_time_once_also_over_a_restart(store: Store) -> None:
    woken: list[object] = []
    it = telling(store, woken.append)
    await it.once(SUNDAY)  # what was over before anybody asked for it is not told
    assert await told(store) == []
    await it.once(SUNDAY + timedelta(minutes=1))
    await telling(store).once(SUNDAY + timedelta(minutes=2))
    assert await told(store) == ["daily"]
    await it.once(SUNDAY + DAY + timedelta(minutes=1))
    assert sorted(await told(store)) == ["daily", "daily", "weekly"]
    assert await told(store, "chat") == ["weekly"]
    assert woken == [("mail",), ("mail",), ("mail", "chat")]
    assert await store.open_incidents() == 0


async def test_after_days_without_a_receiver_only_the_newest_is_told(store: Store) -> None:
    await telling(store).once(SUNDAY)
    await telling(store).once(SUNDAY + 20 * DAY)
    assert sorted(await told(store)) == ["daily", "weekly"]


async def test_two_receivers_that_share_a_database_tell_it_once(postgres_server: Postgres) -> None:
    database = postgres_server.database()
    async with AsyncExitStack() as stack:
        both = [await Store.open(database, parse, patience=5) for _ in range(2)]
        for each in both:
            stack.push_async_callback(each.close)
        for now in (SUNDAY, SUNDAY + DAY):
            await asyncio.gather(*(telling(each).once(now) for each in both))
        assert await told(both[1]) == ["daily"]


def week(known: Facts) -> bytes:
    return body(build(known), BERLIN, "https://t.example.com")


def written(format_: Format, language: Language, raw: bytes) -> tuple[str, str, str]:
    style = Style(format_, language, "Europe/Berlin", "https://t.example.com")
    rendered = render(parse(raw), style, key="", thread="", now=SUNDAY)
    assert not rendered.failures
    return rendered.message.title, rendered.message.body, rendered.message.html


@pytest.mark.parametrize(
    ("language", "title", "opened", "whole"),
    [
        (Language.EN, "[📊 Weekly report]", "Incidents opened: 6 (period before: 2)", "The whole"),
        (Language.ZH, "[📊 周报]", "新增事件：6（上期 2）", "完整报告"),
    ],
)
def test_a_chat_has_the_main_numbers_and_a_mail_has_all(
    language: Language, title: str, opened: str, whole: str
) -> None:
    headline, text, _ = written("slack", language, week(facts()))
    assert headline == f"{title} 2026-11-23 10:00 \N{EN DASH} 2026-11-30 10:00"
    assert opened in text
    assert "https://t.example.com/reports/weekly?of=2026-11-30" in text
    assert whole in text
    assert "Link" not in text
    _, _, page = written("email", language, week(facts()))
    assert opened in page
    assert "Link" in page
    assert page.count("<h2") == 8


def test_a_mail_has_room_for_the_largest_report() -> None:
    many = [trace(0.1, 0.5, 0.02, instance=f"web-{n}") for n in range(10)]
    watched = tuple(Watched(f"signal-{n}", "ratio", 1.0, many) for n in range(20))
    raw = week(facts(watched=watched))
    alert = parse(raw).alerts[0]
    assert len(alert.annotations) < 400
    assert "+ 185" in written("email", Language.EN, raw)[2]


def test_markup_in_a_title_stays_text() -> None:

    nasty = Past(1, "<b>*x*", "critical", PERIOD.begin)
    raw = week(facts([nasty]))
    assert "<b>*x*" not in written("email", Language.EN, raw)[2]
    assert "&lt;b&gt;*x*" in written("email", Language.EN, raw)[2]
