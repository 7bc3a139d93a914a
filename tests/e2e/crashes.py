"""Kills the receiver at random moments, and counts what arrived on each channel."""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession

from tests.e2e.serving import Receiver, configure, receiver
from tests.fakes.certs import Certificates
from tests.fakes.rigs import Rig, email_rig, slack_hook_rig, slack_token_rig, webhook_rig
from tests.receiver.webhooks import alert, body

_RIGS = {"hook": slack_hook_rig, "bot": slack_token_rig, "plain": webhook_rig, "mail": email_rig}
_NAME = re.compile(r"\bk\d+n\d+\b")
_BURST = 12
"""Webhooks between two crashes at most."""
_AT_ONCE = 3
_PATIENCE = 30.0
_LONGEST = 1.0
"""Seconds that a receiver lives at most: long enough to send all of a burst now and then."""


@dataclass(frozen=True, slots=True)
class Report:
    """How it ended; `twice` counts the messages of a channel that were sent again."""

    crashes: int
    accepted: Sequence[str]
    lost: Mapping[str, int]
    twice: Mapping[str, int]

    def __str__(self) -> str:
        return (
            f"{self.crashes} crashes, {len(self.accepted)} accepted,"
            f" lost {dict(self.lost)}, sent again {dict(self.twice)}"
        )


@asynccontextmanager
async def channels(folder: Path, certificates: Certificates) -> AsyncIterator[dict[str, Rig]]:
    """Four providers, with their sections of the configuration."""
    async with AsyncExitStack() as stack:
        rigs = {}
        for name, make in _RIGS.items():
            (folder / name).mkdir()
            rigs[name] = await stack.enter_async_context(make(folder / name, certificates))
        yield rigs


def section(folder: Path, name: str, rig: Rig) -> dict[str, Any]:
    """Return a channel's section, whose secrets stand in a folder of its own."""
    files = {k: str(folder / name / v) for k, v in rig.config.items() if k.endswith("_file")}
    return {**rig.config, **files, "pace": "10000/1s"}


async def crash(
    folder: Path, rigs: Mapping[str, Rig], http: ClientSession, crashes: int, seed: int
) -> Report:
    """Kill the receiver so often, then let it deliver what is owed."""
    chance = random.Random(seed)
    sections = {name: section(folder, name, rig) for name, rig in rigs.items()}
    config = configure(folder, channels=sections)
    accepted: list[str] = []
    for number in range(crashes):
        async with receiver(config) as running:
            life = chance.uniform(0, _LONGEST)
            asyncio.get_running_loop().call_later(life, running.process.kill)
            await _accept(http, running, number, accepted)
            await running.process.wait()
    async with receiver(config) as running:
        await _until_all_arrived(rigs, accepted)
        await running.stop()
    lost = {name: len(set(accepted) - _named(rig.texts())) for name, rig in rigs.items()}
    twice = {name: _sent_again(rig.texts()) for name, rig in rigs.items()}
    return Report(crashes, accepted, lost, twice)


async def _accept(http: ClientSession, running: Receiver, number: int, accepted: list[str]) -> None:
    """Hand in a burst, some webhooks at once; what is answered with 200 must arrive."""
    names = iter([f"k{number}n{index}" for index in range(_BURST)])
    await asyncio.gather(*(_tell(http, running, names, accepted) for _ in range(_AT_ONCE)))


async def _tell(
    http: ClientSession, running: Receiver, names: Iterator[str], accepted: list[str]
) -> None:
    for name in names:
        said = body([alert(name)], groupKey=name)
        try:
            async with http.post(
                f"{running.url}/webhook/alertmanager",
                data=said,
                headers={"Content-Type": "application/json"},
            ) as answer:
                if answer.status == 200:
                    accepted.append(name)
        except (ClientError, OSError):
            return


async def _until_all_arrived(rigs: Mapping[str, Rig], accepted: Sequence[str]) -> None:
    """Wait as long as messages go on arriving: a channel may have a long backlog."""
    left, waited = -1, 0.0
    while left and waited < _PATIENCE:
        await asyncio.sleep(0.2)
        now = sum(len(set(accepted) - _named(rig.texts())) for rig in rigs.values())
        waited = waited + 0.2 if now == left else 0.0
        left = now


def _named(texts: Sequence[str]) -> set[str]:
    return {name for text in texts for name in _NAME.findall(text)}


def _sent_again(texts: Sequence[str]) -> int:
    """Count the messages of which something was said again later.

    A digest that was under way is told again, perhaps in other company: that is one message.
    """
    first: dict[str, int] = {}
    again = set()
    for number, text in enumerate(texts):
        for name in set(_NAME.findall(text)):
            if first.setdefault(name, number) != number:
                again.add(first[name])
    return len(again)
