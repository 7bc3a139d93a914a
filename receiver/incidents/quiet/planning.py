"""The windows that there are: those of the configuration, and those planned meanwhile."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import ValidationError

from receiver.incidents.quiet.hours import running
from receiver.incidents.quiet.keeping import Quiet, Rules
from receiver.incidents.quiet.windows import Window, open_at
from receiver.store.audit import Change
from receiver.store.planned import Plan
from receiver.store.store import Store

_LOG = logging.getLogger(__name__)

_KEPT = timedelta(days=30)
"""How long a window that is over can be looked up."""


@dataclass(slots=True)
class Planning:
    """Knows the windows; `rules` are those of the configuration in force at the time.

    Another receiver's plans are known here after the next `refresh`.
    """

    store: Store
    rules: Callable[[], Rules]
    planned: Sequence[Window] = ()
    plans: Sequence[Plan] = field(default_factory=tuple)

    @property
    def windows(self) -> Sequence[Window]:
        """All windows, those of the configuration first."""
        return (*self.rules().windows, *self.planned)

    def named(self, name: str) -> Window | None:
        """Return the window of this name, if there is one."""
        return next((window for window in self.windows if window.name == name), None)

    def quiet(self, at: datetime) -> Quiet:
        """Return what keeps quiet then."""
        rules = self.rules()
        flaps = rules.flapping
        recent = at - timedelta(seconds=flaps.within) if flaps else None
        return Quiet(open_at(self.windows, at), running(rules.hours, at), rules, recent)

    async def refresh(self, now: datetime) -> None:
        """Read the plans again, and drop what is long over; raises StoreUnavailableError."""
        plans = await self.store.keeping.plans.all()
        if plans != self.plans:
            self.planned = tuple(filter(None, map(_read, plans)))
            self.plans = plans
        before = now - _KEPT
        old = [w.name for w in self.planned if w.is_over(now) and w.spell(now).begins < before]
        if old:
            change = Change("tocsin", "forget", "maintenance", ", ".join(old))
            await self.store.keeping.plans.drop(old, change, now)

    def settled(self, window: Window) -> Window:
        """Give a window that names no time zone the receiver's."""
        return (
            window if window.timezone else window.model_copy(update={"timezone": self.rules().zone})
        )

    async def add(self, window: Window, who: str, now: datetime) -> str:
        """Plan a window; returns what stands against it: `taken` or `full`."""
        if any(each.name == window.name for each in self.rules().windows):
            return "taken"
        said = window.model_dump_json(exclude_defaults=True)
        refused = await self.store.keeping.plans.add(Plan(window.name, now, who, said))
        await self.refresh(now)
        return refused

    async def drop(self, name: str, who: str, now: datetime) -> bool:
        """Take a plan away; returns whether there was one."""
        change = Change(who, "cancel", f"maintenance {name}")
        gone = await self.store.keeping.plans.drop([name], change, now)
        await self.refresh(now)
        return bool(gone)


def _read(plan: Plan) -> Window | None:
    """Read a plan; one that another release has written may be beyond this one."""
    try:
        return Window.model_validate_json(plan.window)
    except ValidationError as error:
        _LOG.warning("maintenance %s cannot be read: %s", plan.name, error)
        return None
