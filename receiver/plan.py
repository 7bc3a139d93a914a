"""`plan`: what a stored alert, or one from a file, would set off now; nothing is done."""

import argparse
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from pathlib import Path

import aiohttp

from receiver import config, metrics
from receiver.config import Config
from receiver.drill import visit
from receiver.incidents.quiet.planning import Planning
from receiver.intake.webhook import parse
from receiver.model import Alert
from receiver.preview import latest, read_payload
from receiver.reload import rules_of
from receiver.responding import Bench, engine_by
from receiver.responses.plan import Planned, plan
from receiver.store.run_records import Ruling, State
from receiver.store.store import Store

Client = Callable[[], AbstractAsyncContextManager[aiohttp.ClientSession]]


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the others."""
    said = commands.add_parser("plan", help="say what an alert would set off, and do nothing")
    said.add_argument("--config", type=Path, required=True, metavar="FILE")
    what = said.add_mutually_exclusive_group(required=True)
    what.add_argument("--incident", type=int, metavar="N", help="of the store")
    what.add_argument("--payload", metavar="FILE", help="a webhook's body; - is standard input")


async def run(arguments: argparse.Namespace, client: Client) -> int:
    """Print the plan; raises ConfigError, StoreUnavailableError and StoreVersionError."""
    settings = config.load(arguments.config)
    if arguments.payload is not None:
        told = read_payload(arguments.payload)
    else:
        told = await latest(settings, arguments.incident)
    planned = await _plan(settings, told.alerts, arguments.incident or 0, client)
    for each in planned:
        sys.stdout.writelines(f"{line}\n" for line in lines(each))
    if not planned:
        sys.stdout.write("nothing is set off: no runbook is for any of these alerts\n")
    return 0


async def _plan(
    settings: Config, alerts: tuple[Alert, ...], incident: int, client: Client
) -> list[Planned]:
    async with client() as http, _some_store(settings) as store:
        numbers = metrics.create("plan", settings.channels)
        planning = Planning(store, lambda: rules_of(settings))
        bench = Bench(store, http, numbers)
        engine = engine_by(lambda: settings, planning, _tell_nobody, bench)
        now = store.now()
        await planning.refresh(now)
        await engine.alarms.look({}, now)
        return await plan(engine, alerts, incident, now)


@asynccontextmanager
async def _some_store(settings: Config) -> AsyncIterator[Store]:
    """Use the store, or one in which nothing ever happened where there is none yet."""
    async with visit(settings) as store:
        if store is not None:
            yield store
            return
        with tempfile.TemporaryDirectory() as folder:
            empty = await Store.open(Path(folder, "empty.db"), parse)
            try:
                yield empty
            finally:
                await empty.close()


async def _tell_nobody(_: bytes, now: datetime, also: Collection[str]) -> None:
    """Stand in for what tells people; a plan tells nobody."""


def lines(planned: Planned) -> Iterator[str]:
    """Write a plan for people."""
    alert = planned.alert
    name = alert.labels.get("alertname", alert.fingerprint)
    yield f"{planned.runbook} on {planned.target or 'nothing'}, for {name}: {_verdict(planned)}"
    for number, (action, says) in enumerate(planned.steps, 1):
        yield f"  {number}. {action}: {says}"
    yield from (f"  verify: {says}" for says in planned.checks)
    yield from (f"  take back: {action}: {says}" for action, says in planned.back)
    for guard, against in planned.guards:
        yield f"  guard {guard}: {_said(against) if against else 'ok'}"


def _verdict(planned: Planned) -> str:
    """Say what would become of it now."""
    if planned.waits:
        return f"mode {planned.mode}, once it has fired {planned.waits:.0f} s longer"
    what = {
        State.ACTING: "it would act",
        State.ASKING: "it would ask people",
        State.REHEARSED: "a dry run",
        State.WAITING: "it would wait",
        State.REFUSED: "it would refuse",
        State.CANCELLED: "it would not begin",
    }[planned.ruling.state]
    why = _said(planned.ruling)
    return f"mode {planned.mode}, {what}{f', {why}' if why else ''}"


def _said(ruling: Ruling) -> str:
    return ": ".join(filter(None, (ruling.reason, ruling.detail)))
