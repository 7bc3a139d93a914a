"""What only a database that several receivers share can do, and what only it can suffer."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import URL, Connection, NullPool, create_engine, text

from receiver.intake.webhook import parse
from receiver.model import Delivery
from receiver.store import clock, engine
from receiver.store import store as store_module
from receiver.store.clock import Clock
from receiver.store.incidents import Wanted
from receiver.store.records import Choice, Decision, Join, Known, Line, Outcome, Terms, Waiting
from receiver.store.schema import StoreUnavailableError
from receiver.store.store import PATIENCE, Store
from tests.fakes.postgres import Postgres, postgres
from tests.receiver.claiming import claim, claim_all, one, settle
from tests.receiver.webhooks import START, alert, webhook

UNTIL = START + timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def database(postgres_server: Postgres) -> URL:
    return postgres_server.database()


@pytest.fixture
async def stores(database: URL) -> AsyncIterator[tuple[Store, Store]]:
    async with two(database) as opened:
        yield opened


@asynccontextmanager
async def two(database: URL, patience: float = PATIENCE) -> AsyncIterator[tuple[Store, Store]]:
    async with AsyncExitStack() as stack:
        first, second = await asyncio.gather(
            *(Store.open(database, parse, patience) for _ in range(2))
        )
        for each in (first, second):
            stack.push_async_callback(each.close)
        yield first, second


def owed(_: Known) -> Decision:
    return Decision(("ops",))


def owed_once(known: Known) -> Decision:
    return Decision(("ops",), "duplicate" if known.owed_at else "")


def leave(waiting: Waiting) -> Choice:
    return Choice(0, waiting.gate)


def some(waiting: Waiting) -> Choice:
    return Choice(3, waiting.gate)


@contextmanager
def hanging(database: URL, query: str) -> Iterator[None]:
    """Hold what a query locks, as a receiver that hangs in a transaction does."""
    held = create_engine(database, poolclass=NullPool)
    with held.begin() as connection:
        connection.execute(text(query))
        yield


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 -- a server tells no event
            await asyncio.sleep(0.01)


async def test_receivers_that_claim_at_once_never_claim_the_same(
    stores: tuple[Store, Store],
) -> None:
    for number in range(60):
        await stores[0].accept(webhook(groupKey=f"group {number}"), owed)
    claims = await asyncio.gather(
        *(claim(store, "ops", START, UNTIL) for _ in range(40) for store in stores)
    )
    taken = [each.id for each in claims if each]
    while each := await claim(stores[0], "ops", START, UNTIL):
        taken.append(each.id)
    assert len(taken) == len(set(taken)) == 60


async def test_receivers_that_share_many_destinations_never_wait_for_each_other_in_a_circle(
    database: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough for a busy machine: of a circle the database itself speaks after a second.
    monkeypatch.setattr(engine, "_GATE", 30)
    async with two(database, patience=30) as stores:
        await _share(stores, ("a", "b", "c", "d"))


async def _share(stores: tuple[Store, Store], names: tuple[str, ...]) -> None:
    for number in range(15):
        told = webhook(groupKey=f"group {number}")
        await stores[0].accept(told, lambda _: Decision(names))
    sent: list[int] = []

    async def deliver(store: Store, channel: str) -> None:
        while [queue for queue in await store.queues() if queue.channel == channel]:
            for each in await claim_all(store, channel, START, UNTIL):
                await settle(store, each, Outcome("sent"), START)
                sent.append(each.id)

    async with asyncio.timeout(60):
        await asyncio.gather(*(deliver(store, name) for store in stores for name in names))
    assert len(sent) == len(set(sent)) == 60


async def test_a_receiver_that_hangs_in_a_claim_holds_up_its_destination_alone(
    stores: tuple[Store, Store], database: URL
) -> None:
    await stores[0].accept(webhook(), lambda _: Decision(("ops", "mail")))
    assert not (await stores[0].take(Line("ops"), leave, START, UNTIL)).batch  # makes the gate
    with hanging(database, "SELECT * FROM gates WHERE destination = 'channel:ops' FOR UPDATE"):
        async with asyncio.timeout(1):
            turn = await stores[0].take(Line("ops"), one, START, UNTIL)
            assert (turn.batch, turn.waiting.urgent) == ((), 1)
            assert turn.again is not None
            assert await claim(stores[0], "mail", START, UNTIL) is not None
    assert await claim(stores[0], "ops", START, UNTIL) is not None


async def test_what_another_receiver_holds_is_passed_over_with_all_that_must_follow_it(
    stores: tuple[Store, Store], database: URL
) -> None:
    for number, group in enumerate(("first", "first", "second")):
        await stores[0].accept(webhook(groupKey=group, seconds=number), owed)
    with hanging(database, "SELECT * FROM deliveries WHERE id = 1 FOR UPDATE"):
        async with asyncio.timeout(1):
            turn = await stores[0].take(Line("ops"), some, START + HOUR, UNTIL + HOUR)
            assert [each.id for each in turn.batch] == [3]
            await stores[1].hurry("ops", START)
            assert await stores[1].sweep(Line("ops", fallback="mail"), START + HOUR) == 1
    turn = await stores[0].take(Line("ops"), some, START + HOUR, UNTIL + HOUR)
    assert [each.id for each in turn.batch] == [1]


async def test_the_server_ends_the_transaction_of_a_receiver_that_hangs(
    database: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_LONGEST_IDLE", 0.2)
    store = await Store.open(database, parse)

    def hang(connection: Connection) -> None:
        connection.execute(text("SELECT 1"))
        time.sleep(1)
        connection.execute(text("SELECT 1"))

    with pytest.raises(StoreUnavailableError, match="idle"):
        await store._claimer.run(hang)
    assert await store.queues() == []
    await store.close()


def ahead_by(minutes: int) -> Clock:
    return Clock(lambda: datetime.now(UTC) + timedelta(minutes=minutes))


async def test_receivers_whose_clocks_differ_never_claim_the_same(
    database: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one ahead would find every claim of the other run out, and its messages due."""
    lease, stores = timedelta(minutes=1), []
    for ahead in (0, 10, -10):
        monkeypatch.setattr(store_module, "Clock", lambda _, ahead=ahead: ahead_by(ahead))
        stores.append(await Store.open(database, parse))
    for number in range(6):
        said = replace(webhook(groupKey=f"group {number}"), received_at=stores[1].now())
        await stores[1].accept(said, owed)
    taken: list[Delivery] = []
    for number in range(9):
        now = stores[number % 3].now()
        taken += await claim_all(stores[number % 3], "ops", now, now + lease)
    assert sorted(each.id for each in taken) == [1, 2, 3, 4, 5, 6]
    assert all(abs(store.now() - datetime.now(UTC)) < timedelta(seconds=2) for store in stores)
    for store in stores:
        await store.close()


async def test_a_receiver_sets_its_clock_again_after_a_minute_and_after_a_sleep(
    stores: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, passed, slept = stores[0], 0.0, timedelta()
    monkeypatch.setattr(clock, "monotonic", lambda: time.monotonic() + passed)
    monkeypatch.setattr(store._clock, "_own", lambda: datetime.now(UTC) + slept)
    before = store.now()
    passed, slept = 59.0, timedelta(seconds=59)
    await store.agree()
    assert store.now() - before > timedelta(seconds=58)
    passed, slept = 61.0, timedelta(seconds=61)
    await store.agree()  # the server knows that there was no such minute
    assert abs(store.now() - before) < timedelta(seconds=5)
    passed -= 30  # while the machine slept, which only its clock shows, 30 s were not counted
    await store.agree()
    assert abs(store.now() - before) < timedelta(seconds=5)


async def test_what_two_receivers_are_told_at_once_is_owed_once(
    stores: tuple[Store, Store],
) -> None:
    many = [webhook([alert("a"), alert("b")], groupKey=f"group {number}") for number in range(40)]
    told = [stores[0].accept(each, owed_once) for each in many]
    told += [stores[1].accept(each, owed_once) for each in reversed(many)]
    decisions = await asyncio.gather(*told)
    assert [decision.reason for decision in decisions].count("") == 40
    assert [queue.owed for queue in await stores[0].queues()] == [40]


async def test_a_receiver_is_woken_by_what_another_takes_in(stores: tuple[Store, Store]) -> None:
    heard: list[set[str]] = []

    def wake(channels: Iterable[str]) -> None:
        heard.append(set(channels))

    listening = asyncio.create_task(stores[1].listen(["ops", "mail"], wake))
    await until(lambda: heard == [{"ops", "mail"}])  # at first all: some may have been missed
    await stores[0].accept(webhook(), lambda _: Decision(("ops", "of another receiver")))
    await stores[0].accept(webhook(seconds=1), lambda _: Decision(("ops",), "duplicate"))
    await stores[0].accept(webhook(seconds=2), lambda _: Decision(("mail",)))
    await until(lambda: heard[1:] == [{"ops"}, {"mail"}])
    listening.cancel()


async def test_a_store_is_unavailable_while_its_server_is_and_no_longer() -> None:
    heard: list[set[str]] = []
    with postgres() as server:
        store = await Store.open(server.database(), parse, patience=2)
        listening = asyncio.create_task(store.listen(["ops"], lambda c: heard.append(set(c))))
        await store.accept(webhook(), owed)
        await until(lambda: len(heard) >= 1)
        server.stop()
        for _ in range(3):
            with pytest.raises(StoreUnavailableError):
                await store.accept(webhook(seconds=1), owed)
            with pytest.raises(StoreUnavailableError):
                await claim(store, "ops", START, UNTIL)
            with pytest.raises(StoreUnavailableError):
                await store.queues()
        server.start()
        await store.accept(webhook(seconds=2), owed)
        assert [queue.owed for queue in await store.queues()] == [2]
        assert await claim(store, "ops", START, UNTIL) is not None
        await until(lambda: heard.count({"ops"}) >= 2)
        listening.cancel()
        await store.close()


async def test_a_picture_that_one_receiver_hangs_another_one_shows(
    stores: tuple[Store, Store],
) -> None:
    names = await asyncio.gather(*(store.gallery.hang(b"same", START) for store in stores))
    assert names[0] == names[1]
    for store in stores:
        assert await store.gallery.show(names[0]) == b"same"


async def test_receivers_that_are_told_at_once_open_an_incident_again_together(
    stores: tuple[Store, Store],
) -> None:
    soon = Terms(reopen=HOUR)
    await stores[0].accept(webhook(), owed, soon)
    await stores[1].accept(webhook([alert("aa", "resolved")], seconds=60), owed, soon)
    told = [webhook([alert("aa", minute=2)], seconds=120), webhook([alert("bb")], seconds=121)]
    every = (store.accept(each, owed, soon) for each in told for store in stores)
    await asyncio.gather(*every)
    found = await stores[0].incidents.look_up(1, START + HOUR)
    assert found is not None
    assert (found.reopened, found.firing, await stores[1].open_incidents()) == (1, 2, 1)


async def test_groups_that_come_to_two_receivers_at_once_join_one_incident(
    stores: tuple[Store, Store],
) -> None:
    terms = Terms(join=Join("web-1", HOUR))
    told = [webhook(groupKey=f"group {number}") for number in range(10)]
    every = (stores[number % 2].accept(each, owed, terms) for number, each in enumerate(told))
    await asyncio.gather(*every)
    (one,) = await stores[0].incidents.find(Wanted(), START)
    assert (len(one.members), one.firing, await stores[1].open_incidents()) == (9, 10, 1)
