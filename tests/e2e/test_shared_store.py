"""Two receivers on one PostgreSQL: each message is sent by one of them, also when one dies."""

import asyncio
import random
import secrets
import time
from bisect import bisect
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession, web
from sqlalchemy import URL

from receiver.intake.webhook import parse
from receiver.model import Pace
from receiver.store.records import Decision
from receiver.store.store import Store
from tests.e2e.serving import Receiver, configure, receiver
from tests.fakes.hook import FakeHook
from tests.fakes.postgres import PASSWORD, Postgres, postgres
from tests.fakes.web import Answer
from tests.receiver.webhooks import alert, body, webhook

CHANNELS = ("first", "second")
JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def hooks() -> AsyncIterator[dict[str, FakeHook]]:
    """The two channels that everything goes to."""
    async with AsyncExitStack() as stack:
        yield {name: await stack.enter_async_context(FakeHook()) for name in CHANNELS}


def configurations(
    folder: Path, database: URL, hooks: Mapping[str, FakeHook], pace: str = "50/1s"
) -> list[Path]:
    """Write one configuration for each of two receivers, in folders of their own."""
    database = database.set(drivername="postgresql")._replace(password=None)
    written = []
    for name in ("one", "two"):
        here = folder / name
        here.mkdir()
        (here / "password").write_text(PASSWORD)
        for channel, hook in hooks.items():
            (here / channel).write_text(hook.base)
        channels = {
            channel: {
                "type": "webhook",
                "url_file": channel,
                "body": f'{{"by": "{name}", "text": {{"content": {{{{ text }}}}}}}}',
                "timeout": "1s",
                "pace": pace,
            }
            for channel in hooks
        }
        store = {"store": str(database), "store_password_file": "password"}
        written.append(configure(here, channels=channels, **store))
    return written


async def tell(http: ClientSession, running: Receiver, name: str) -> bool:
    """Post a webhook; returns whether it was accepted."""
    said = body([alert(name)], groupKey=name)
    url = f"{running.url}/webhook/alertmanager"
    try:
        async with http.post(url, data=said, headers=JSON) as answer:
            assert answer.status in {200, 503}, await answer.text()
            return answer.status == 200
    except (ClientError, OSError):
        return False


async def tell_until_accepted(http: ClientSession, name: str, *runnings: Receiver) -> None:
    async with asyncio.timeout(60):
        while not any([await tell(http, each, name) for each in runnings[:1]]):
            runnings = (*runnings[1:], runnings[0])
            await asyncio.sleep(0.05)


def arrived(hook: FakeHook) -> Counter[str]:
    """Count in how many messages each alert is named."""
    return Counter(
        word.strip(",;.()")
        for text in hook.texts
        for word in {w for w in text.replace("\n", " ").split() if w.startswith("host-")}
    )


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not true():  # noqa: ASYNC110 -- another process tells no event
            await asyncio.sleep(0.05)


async def test_what_both_receivers_are_told_is_sent_once(
    tmp_path: Path,
    postgres_server: Postgres,
    hooks: dict[str, FakeHook],
    http: ClientSession,
) -> None:
    """As two clustered Alertmanagers do it that cannot see each other."""
    first, second = configurations(tmp_path, postgres_server.database(), hooks)
    names = [f"host-{number}" for number in range(60)]
    async with receiver(first) as one, receiver(second) as two:
        for name in names:
            assert all(await asyncio.gather(tell(http, one, name), tell(http, two, name)))
        await until(lambda: all(arrived(hook).keys() == set(names) for hook in hooks.values()))
        await asyncio.sleep(1)
    for hook in hooks.values():
        assert set(arrived(hook).values()) == {1}


async def test_two_live_receivers_keep_one_pace_and_send_each_message_once(
    tmp_path: Path, postgres_server: Postgres, http: ClientSession
) -> None:
    rule, times = Pace(8, 2), list[float]()

    class Timed(FakeHook):
        async def reply(self, request: web.Request) -> Answer:
            times.append(time.monotonic())
            return await super().reply(request)

    async with Timed() as hook:
        both = configurations(tmp_path, postgres_server.database(), {"first": hook}, "8/2s")
        names = [f"host-{number}" for number in range(80)]
        async with receiver(both[0]) as one, receiver(both[1]) as two:
            for number, name in enumerate(names):
                assert await tell(http, two if number % 2 else one, name)
                await asyncio.sleep(0.1)
            await until(lambda: arrived(hook).keys() == set(names))
            await asyncio.sleep(1)
    assert set(arrived(hook).values()) == {1}
    senders = Counter(body["by"] for body in hook.bodies)
    within = [bisect(times, start + rule.period) - n for n, start in enumerate(times)]
    print(f"{len(times)} messages, by receiver {dict(senders)}; at most {max(within)} in 2 s")
    assert min(senders["one"], senders["two"]) > 0
    assert len(times) > 2 * rule.count
    assert max(within) <= rule.count


async def test_what_another_receiver_takes_in_is_sent_at_once(
    tmp_path: Path, postgres_server: Postgres, hooks: dict[str, FakeHook]
) -> None:
    """Without the bell it would be found after a minute."""
    database = postgres_server.database()
    config, _ = configurations(tmp_path, database, hooks)
    store = await Store.open(database, parse)

    def all_told(count: int) -> bool:
        return all(len(hook.bodies) == count for hook in hooks.values())

    async with receiver(config):
        await asyncio.sleep(1)  # its workers have found nothing, and wait
        for number in range(3):
            said = webhook([alert(f"host-{number}")], groupKey=str(number))
            said = replace(said, received_at=store.now())
            start = time.monotonic()
            await store.accept(said, lambda _: Decision(CHANNELS))
            await until(partial(all_told, number + 1))
            print(f"sent by another process after {(time.monotonic() - start) * 1000:.0f} ms")
            assert time.monotonic() - start < 5
    await store.close()


@pytest.mark.long
async def test_when_one_dies_the_other_sends_what_it_owed(
    tmp_path: Path,
    postgres_server: Postgres,
    hooks: dict[str, FakeHook],
    http: ClientSession,
) -> None:
    chance = random.Random(secrets.randbits(32))
    first, second = configurations(tmp_path, postgres_server.database(), hooks)
    names = [f"host-{number}" for number in range(200)]
    dies = chance.randrange(50, 150)
    async with receiver(first) as one, receiver(second) as two:
        for number, name in enumerate(names):
            both = (one, two) if number % 2 else (two, one)
            await tell_until_accepted(http, name, *both)
            if number == dies:
                one.process.kill()
        await until(lambda: all(arrived(hook).keys() >= set(names) for hook in hooks.values()))
        await asyncio.sleep(1)
    twice = {name: sum(n - 1 for n in arrived(hook).values()) for name, hook in hooks.items()}
    repeated = [sum(count > 1 for count in arrived(hook).values()) for hook in hooks.values()]
    print(f"killed after {dies} of {len(names)}: 0 lost, told twice by channel: {twice}")
    most = max(len(set(text.split("host-")[1:])) for hook in hooks.values() for text in hook.texts)
    assert max(repeated) <= most  # at most the one message that was in flight


@pytest.mark.long
async def test_a_database_that_is_restarted_in_the_middle_costs_nothing(
    tmp_path: Path, hooks: dict[str, FakeHook], http: ClientSession
) -> None:
    names = [f"host-{number}" for number in range(120)]
    with postgres() as server:
        first, second = configurations(tmp_path, server.database(), hooks)
        async with receiver(first) as one, receiver(second) as two:
            restarts = 0
            for number, name in enumerate(names):
                if number in {40, 80}:
                    await asyncio.to_thread(server.stop)
                    assert not await tell(http, one, name)
                    async with http.get(f"{one.url}/-/ready") as ready:
                        assert ready.status == 503
                    await asyncio.to_thread(server.start)
                    restarts += 1
                await tell_until_accepted(http, name, *((one, two) if number % 2 else (two, one)))
            await until(lambda: all(arrived(h).keys() >= set(names) for h in hooks.values()))
            await asyncio.sleep(1)
            assert (one.process.returncode, two.process.returncode) == (None, None)
    twice = {name: sum(n - 1 for n in arrived(hook).values()) for name, hook in hooks.items()}
    print(f"{restarts} restarts, {len(names)} accepted, 0 lost, told twice by channel: {twice}")
