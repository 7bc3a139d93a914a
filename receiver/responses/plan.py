"""What a runbook would do about an alert, step by step, and what each guard says: nothing is done.

It passes the very guards that decide, so what it says is what would happen now.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from receiver.model import Alert, Status
from receiver.responses.carrying import fields_of, written_out
from receiver.responses.engine import Engine
from receiver.responses.fields import UnsafeError, fill
from receiver.responses.guard import judge, mode_of, opinions
from receiver.responses.match import Due, Shelf
from receiver.responses.runbook import Runbook
from receiver.store.run_records import Ruling, Run, State

_Filled = TypeVar("_Filled")


@dataclass(frozen=True, slots=True)
class Planned:
    """What one runbook would do about one alert.

    `mode` is how far it goes now, and `waits` the seconds that the alert must fire yet. `steps`
    and `back` are (action, what it does), `guards` (name, what it has against it), and `ruling`
    is what would be decided.
    """

    runbook: str
    mode: str
    target: str
    alert: Alert
    waits: float
    steps: tuple[tuple[str, str], ...]
    checks: tuple[str, ...]
    back: tuple[tuple[str, str], ...]
    guards: tuple[tuple[str, Ruling | None], ...]
    ruling: Ruling


async def plan(
    engine: Engine, alerts: Iterable[Alert], incident: int, now: datetime
) -> list[Planned]:
    """Say what alerts of an incident would set off; raises StoreUnavailableError."""
    books = engine.runbooks()
    shelf = Shelf(books.values())
    due = ((alert, each) for alert in alerts for each in shelf.set_off(alert, incident))
    return [
        await _plan(engine, books[each.wanted.runbook], alert, each, now) for alert, each in due
    ]


async def _plan(engine: Engine, book: Runbook, alert: Alert, due: Due, now: datetime) -> Planned:
    own = due.wanted
    run = Run(0, own, State.WAITING, "", "", now, now, None, None, None, 0)
    known, scene, limits = await engine.view(run, book, now)
    past = replace(known, fires=alert.status is Status.FIRING)
    back = book.rollback if not isinstance(book.rollback, str) else ()
    return Planned(
        book.name,
        mode_of(book, past).value,
        own.target,
        alert,
        max(0.0, (due.at - now).total_seconds()),
        tuple((step.action, step.says) for step in written_out(book, run)),
        tuple(check.says for check in _written(book.verify.checks, run)),
        tuple((step.action, step.says) for step in _written(back, run)),
        tuple(opinions(book, run, past, scene, limits)),
        judge(book, run, past, scene, limits),
    )


def _written(parts: _Filled, run: Run) -> _Filled:
    """Put the alert's fields in, where that can be done; a guard says where not."""
    try:
        filled: _Filled = fill(parts, fields_of(run))
    except UnsafeError:
        return parts
    return filled
