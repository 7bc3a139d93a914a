"""Puts the engine of responses together; wiring only."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from aiohttp import ClientSession

from receiver.config import Config
from receiver.incidents.quiet.planning import Planning
from receiver.intake.webhook import parse
from receiver.metrics import Metrics
from receiver.reload import InForce
from receiver.responses.alarms import Alarms
from receiver.responses.carrying import Carrier
from receiver.responses.engine import Engine
from receiver.responses.telling import Announce, Telling
from receiver.responses.witnesses import Witnesses
from receiver.store.store import Store


@dataclass(frozen=True, slots=True)
class Bench:
    """What an engine works with, whatever the configuration."""

    store: Store
    http: ClientSession
    numbers: Metrics


def responding(force: InForce, store: Store, http: ClientSession, numbers: Metrics) -> Engine:
    """Return an engine that goes by the configuration in force at any time."""

    def announce(body: bytes, now: datetime, also: Collection[str]) -> Awaitable[object]:
        return force.site.intake.accept(body, now, also=also)

    return engine_by(lambda: force.config, force.planning, announce, Bench(store, http, numbers))


def engine_by(
    config: Callable[[], Config], planning: Planning, announce: Announce, bench: Bench
) -> Engine:
    """Return an engine that goes by `config` at any time, and tells by `announce`."""
    store = bench.store

    async def thrown() -> str:
        if by := config().responses.thrown:
            return by
        switch = await store.runs.stops.switched()
        return f"{switch[1]}: {switch[2]}" if switch else ""

    witnesses = Witnesses(
        bench.http,
        store.runs,
        lambda: config().prometheus,
        lambda: config().alertmanager,
        store.now,
    )
    telling = Telling(store, announce, lambda: config().runbooks, lambda: config().language)
    carrier = Carrier(store.runs, bench.numbers, witnesses, thrown, telling, store.now)
    return Engine(
        lambda: config().runbooks,
        lambda: config().responses,
        carrier,
        Alarms(store, parse),
        planning,
        bench.numbers,
        store.now,
    )
