"""Puts the engine of responses together; wiring only."""

from collections.abc import Awaitable
from datetime import datetime

from aiohttp import ClientSession

from receiver.intake.webhook import parse
from receiver.metrics import Metrics
from receiver.reload import InForce
from receiver.responses.alarms import Alarms
from receiver.responses.carrying import Carrier
from receiver.responses.engine import Engine
from receiver.responses.telling import Telling
from receiver.responses.witnesses import Witnesses
from receiver.store.store import Store


def responding(force: InForce, store: Store, http: ClientSession, numbers: Metrics) -> Engine:
    """Return an engine that goes by the configuration in force at any time."""

    def announce(body: bytes, now: datetime) -> Awaitable[object]:
        return force.site.intake.accept(body, now)

    async def thrown() -> str:
        if by := force.config.responses.thrown:
            return by
        switch = await store.runs.stops.switched()
        return f"{switch[1]}: {switch[2]}" if switch else ""

    witnesses = Witnesses(
        http,
        store.runs,
        lambda: force.config.prometheus,
        lambda: force.config.alertmanager,
        store.now,
    )
    telling = Telling(
        store,
        announce,
        lambda: force.config.runbooks,
        lambda: force.config.language,
    )
    carrier = Carrier(store.runs, numbers, witnesses, thrown, telling, store.now)
    return Engine(
        lambda: force.config.runbooks,
        lambda: force.config.responses,
        carrier,
        Alarms(store, parse),
        force.planning,
        numbers,
        store.now,
    )
