"""A hand-over is told once, to the channel of the schedule, by whichever receiver is first."""

import asyncio
from contextlib import AsyncExitStack
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, update

from receiver import metrics
from receiver.incidents.oncall.duty import Duty
from receiver.incidents.oncall.shifts import Shift
from receiver.incidents.people import Person
from receiver.intake.handover import Handover, body, next_step
from receiver.intake.ingest import Intake
from receiver.intake.webhook import parse
from receiver.messages.render import Style, render
from receiver.messages.route import Route
from receiver.model import Act, Language
from receiver.store.audit import Change
from receiver.store.notices import Asked
from receiver.store.people import handovers
from receiver.store.rota import Stint
from receiver.store.store import Store
from tests.fakes.postgres import Postgres
from tests.receiver.incidents.oncall.schedules import WEEKLY, at, schedule
from tests.receiver.webhooks import alert
from tests.receiver.webhooks import body as webhook_body

PEOPLE = {"ada": Person(name="Ada"), "bob": Person(name="王庆"), "eve": Person(name="Eve")}
DAY = timedelta(days=1)
HANDS_OVER = at("2026-01-12 09:00")
TOLD = Stint("ops", "ada", HANDS_OVER - 7 * DAY, HANDS_OVER)
ACT = Act("handover", "王庆", HANDS_OVER, HANDS_OVER + 7 * DAY, "Ada")


@pytest.mark.parametrize(
    ("told", "person", "since", "step"),
    [
        (TOLD, "bob", HANDS_OVER, "tell"),
        (TOLD, "ada", HANDS_OVER, ""),
        (TOLD, "bob", TOLD.since, ""),
        (None, "bob", HANDS_OVER, "note"),
    ],
)
def test_only_somebody_else_s_later_shift_is_a_hand_over(
    told: Stint | None, person: str, since: datetime, step: str
) -> None:
    assert next_step(told, Shift(person, since, since + DAY, "layer", 1)) == step
    assert next_step(told, None) == ""


@pytest.fixture
def intake(store: Store) -> Intake:
    return Intake(store, (Route(channels=("ops",)),), metrics.create("1", ["ops"]), lambda _: None)


def handover(store: Store, intake: Intake) -> Handover:
    hours = WEEKLY | {"only": ["Mon-Fri 09:00-18:00"]}
    plans = {"ops": schedule(handover="duty"), "quiet": schedule(hours)}
    return Handover(lambda: Duty(plans, PEOPLE, store), lambda: intake, store)


async def told(store: Store) -> list[tuple[str, str]]:
    return [(each.state, each.reason) for each in await store.notices(Asked(channel="duty"))]


async def test_a_hand_over_is_told_once_over_restarts_and_with_two_receivers(
    store: Store, intake: Intake
) -> None:
    first, second = handover(store, intake), handover(store, intake)
    await first.once(HANDS_OVER - DAY)  # the first who is seen takes over from nobody
    assert await told(store) == []
    for minute in (0, 1, 2):
        await first.once(HANDS_OVER + minute * timedelta(minutes=1))
    await handover(store, intake).once(HANDS_OVER + DAY)
    assert await told(store) == [("owed", "")]
    await asyncio.gather(*(each.once(HANDS_OVER + 7 * DAY) for each in (first, second)))
    states = [state for state, _ in await told(store)]
    assert states.count("owed") == 2
    assert await store.open_incidents() == 0


async def test_two_receivers_that_share_a_database_tell_a_hand_over_once(
    postgres_server: Postgres,
) -> None:
    database = postgres_server.database()
    async with AsyncExitStack() as stack:
        both = [await Store.open(database, parse, patience=5) for _ in range(2)]
        numbers = metrics.create("1", ["duty"])
        for each in both:
            stack.push_async_callback(each.close)
        sides = [handover(s, Intake(s, (), numbers, lambda _: None)) for s in both]
        await both[0].rota.tell([TOLD])
        await asyncio.gather(*(side.once(HANDS_OVER) for side in sides))
        states = [state for state, _ in await told(both[1])]
        assert states.count("owed") == 1
        assert (await both[1].rota.told())["ops"].person == "bob"


async def test_a_death_between_what_is_owed_and_what_is_noted_tells_nothing_twice(
    store: Store, intake: Intake
) -> None:
    it = handover(store, intake)
    await store.rota.tell([TOLD])
    await it.once(HANDS_OVER)
    await store.rota._writer.run(_set_back)
    await it.once(HANDS_OVER + timedelta(minutes=1))
    assert sorted(await told(store)) == [("owed", ""), ("suppressed", "duplicate")]


def _set_back(connection: Connection) -> None:
    """Note what was noted before, as if the process had died then."""
    was = {"person": TOLD.person, "since": TOLD.since}
    connection.execute(update(handovers).values(was))


async def test_somebody_who_stands_in_is_told_and_so_is_their_early_end(
    store: Store, intake: Intake
) -> None:
    it, now = handover(store, intake), HANDS_OVER + DAY
    await it.once(now)
    stint = Stint("ops", "eve", now, now + DAY)
    number = await store.rota.override(stint, Change("test", "override"), now)
    assert number is not None
    await it.once(now + timedelta(minutes=1))
    later = now + timedelta(hours=1)
    await store.rota.withdraw("ops", number, Change("test", "withdraw"), later)
    await it.once(later + timedelta(minutes=1))
    titles = [parse((await store.told_of(n))[0]).alerts[0].labels["alertname"] for n in (1, 2)]
    assert titles == ["ops: 王庆 → Eve", "ops: Eve → 王庆"]


async def test_it_says_what_is_open(store: Store, intake: Intake) -> None:
    for number in range(7):
        raw = webhook_body(
            [alert(f"a{number}")], groupKey=f"g{number}", groupLabels={"alertname": f"Down{number}"}
        )
        await intake.accept(raw, HANDS_OVER - DAY)
    await store.rota.tell([TOLD])
    await handover(store, intake).once(HANDS_OVER)
    said = parse((await store.told_of(8))[0]).alerts[0].annotations
    assert said["summary"] == "Open now, 7: Down6, Down5, Down4, Down3, Down2 and 2 more"
    assert said["summary_zh"] == "未恢复的事件 7 个：Down6、Down5、Down4、Down3、Down2，另有 2 个"


@pytest.mark.parametrize("changes", [False, True])
@pytest.mark.parametrize(
    ("language", "lines"),
    [
        (
            Language.EN,
            [
                "[📟 On call] ops: Ada → 王庆",
                "王庆 is on call until 2026-01-19 16:00:00 UTC+8, and takes over from Ada.",
                "Nothing is open.",
            ],
        ),
        (
            Language.ZH,
            [
                "[📟 值班交接] ops: Ada → 王庆",
                "王庆 从 Ada 接班，值班至 2026-01-19 16:00:00 UTC+8。",
                "没有未恢复的事件。",
            ],
        ),
    ],
)
def test_the_message_says_who_until_when_and_what_is_open(
    language: Language, lines: list[str], *, changes: bool
) -> None:
    style = Style("text", language, "Asia/Shanghai", "", changes=changes)
    written = render(parse(body("ops", ACT, [], 0)), style, key="k", thread="t", now=HANDS_OVER)
    assert not written.failed
    assert written.message.title == lines[0]
    assert [line for line in written.message.body.splitlines() if line][-2:] == lines[1:]


def test_nothing_that_came_with_a_name_is_markup_in_a_message() -> None:
    act = Act("handover", "<b>*x*", HANDS_OVER, HANDS_OVER + DAY, "[y](http://z)")
    style = Style("email", Language.EN, "UTC")
    told = parse(body("ops", act, ["<i>"], 0))
    html = render(told, style, key="k", thread="t", now=HANDS_OVER).message.html
    assert "<b>*x*" not in html
    assert "<i>" not in html
