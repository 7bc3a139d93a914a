"""The workers of all channels, some of which are exchanged where the configuration is."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from receiver.channels.contract import Channel
from receiver.delivery.sending import Outlet
from receiver.delivery.worker import Worker
from receiver.model import Notification

Make = Callable[[Outlet], Worker]


@dataclass(frozen=True, slots=True)
class _Post:
    outlet: Outlet
    worker: Worker
    task: asyncio.Task[None]


class Crew:
    """Keeps a worker at work for each outlet."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._posts: dict[str, _Post] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def names(self) -> Collection[str]:
        """The channels at work, as they are at any time."""
        return self._posts.keys()

    def exchange(self, outlets: Iterable[Outlet], make: Make) -> None:
        """Work for these outlets from now on; one that did not change keeps its worker.

        A new worker begins once the old one of its channel has settled what it has in flight,
        since a channel is never asked to send twice at once.
        """
        wanted = {outlet.name: outlet for outlet in outlets}
        for name in self._posts.keys() - wanted.keys():
            self._dismiss(self._posts.pop(name))
        for name, outlet in wanted.items():
            post = self._posts.get(name)
            if post is not None and post.outlet == outlet:
                continue
            before = self._dismiss(post) if post is not None else None
            worker = make(outlet)
            task = self._group.create_task(_run(worker, outlet.channel, before), name=name)
            self._posts[name] = _Post(outlet, worker, task)

    def wake(self, channels: Iterable[str]) -> None:
        """Let the workers of these channels look at the outbox now."""
        for name in channels:
            if post := self._posts.get(name):
                post.worker.wake()

    async def send_test(self, name: str, test: Notification) -> None:
        """Send a test by a channel; raises LookupError for one that is none, and SendError."""
        await self._posts[name].worker.send_test(test)

    async def leave(self, seconds: float) -> None:
        """Let everybody settle what is in flight, and end what takes longer than `seconds`."""
        tasks = {self._dismiss(post) for post in self._posts.values()} | self._leaving
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()

    def _dismiss(self, post: _Post) -> asyncio.Task[None]:
        post.worker.stop()
        self._leaving.add(post.task)
        post.task.add_done_callback(self._leaving.discard)
        return post.task


async def _run(worker: Worker, channel: Channel, before: asyncio.Task[None] | None) -> None:
    if before is not None:
        await asyncio.wait({before})
    try:
        await worker.run()
    finally:
        await channel.close()


@asynccontextmanager
async def delivering(seconds: float) -> AsyncIterator[Crew]:
    """Have a crew; a worker that dies ends the block, and with it the process, for a restart.

    At the end what is in flight gets `seconds` to be settled.
    """
    async with asyncio.TaskGroup() as group:
        crew = Crew(group)
        yield crew
        await crew.leave(seconds)
