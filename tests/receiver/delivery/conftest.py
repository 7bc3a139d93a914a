"""Workers that run while a test lasts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession

from receiver import metrics
from receiver.channels.contract import Channel
from receiver.delivery.sending import Outlet
from receiver.delivery.worker import Ties, Worker
from receiver.messages.render import Style
from receiver.metrics import Metrics
from receiver.model import Language
from receiver.store.records import Posted
from receiver.store.store import Store


@pytest.fixture
def numbers() -> Metrics:
    return metrics.create("test", ["ops", "slow"])


@pytest.fixture
def told() -> list[Posted]:
    return []


@pytest.fixture
def work(
    store: Store, http: ClientSession, numbers: Metrics, told: list[Posted]
) -> Callable[..., Any]:
    """Run a worker for each channel while the context lasts."""

    @asynccontextmanager
    async def run(**channels: Channel) -> AsyncIterator[dict[str, Worker]]:
        style = Style("text", Language.EN, "UTC")
        made: dict[str, Worker] = {}

        def wake(names: Iterable[str]) -> None:
            for name in names:
                made[name].wake()

        ties = Ties(store, http, numbers, told.append, wake)
        made |= {name: Worker(Outlet(name, each, style), ties) for name, each in channels.items()}
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            tasks = [group.create_task(worker.run()) for worker in made.values()]
            yield made
            for worker in made.values():
                worker.stop()
            await asyncio.wait(tasks, timeout=5)
            for task in tasks:
                task.cancel()

    return run
