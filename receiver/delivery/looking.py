"""What is known of an incident beside its alerts, asked for while its message waits a little."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic

from receiver.delivery.merge import Telling
from receiver.messages.digest import FEW
from receiver.messages.render import Style
from receiver.model import UNKNOWN, Background, Notification, Status

_PICTURES = 3
"""Pictures of what is told together; more would be a mail that nobody scrolls through."""
PATIENCE = 2.0
"""Seconds that a message waits at most in all for what is known."""

Look = Callable[[Notification, float, Style | None], Awaitable[Background]]
"""Says what is known within some seconds, with a picture in a style or none; it never raises."""


async def know_nothing(_: Notification, __: float, ___: Style | None) -> Background:
    """Ask nobody."""
    return UNKNOWN


class Looking:
    """Keeps what one channel waits within bounds.

    The last of those that wait has waited for what is known of all before it; so they share the
    patience, and there is all of it again when nothing waits any longer.
    """

    def __init__(self, look: Look, style: Style | None) -> None:
        self._look = look
        self._style = style
        self._left = PATIENCE

    def rest(self) -> None:
        """Take note that nothing waits."""
        self._left = PATIENCE

    async def at(self, tellings: Sequence[Telling]) -> list[Background]:
        """Return what is known of each in time; in a digest that is of few, and for pictures."""
        began = monotonic()
        known = dict.fromkeys(range(len(tellings)), UNKNOWN)
        chosen = _pictured(tellings, self._style) if len(tellings) > 1 else [0]
        found = await asyncio.gather(*(self._one(tellings[each]) for each in chosen))
        self._left = max(0.0, self._left - (monotonic() - began))
        return [*(known | dict(zip(chosen, found, strict=True))).values()]

    async def _one(self, telling: Telling) -> Background:
        about = telling.notification
        style = None if about.act else self._style  # what somebody did needs no picture
        return await self._look(about, self._left, style)


def _pictured(tellings: Sequence[Telling], style: Style | None) -> list[int]:
    """Return which of what is told together have pictures: the most urgent, and only in a mail."""
    if style is None or style.format != "email" or len(tellings) > FEW:
        return []
    told = [telling.notification for telling in tellings]
    burning = [n for n, each in enumerate(told) if each.status is Status.FIRING and not each.act]
    return sorted(burning, key=lambda number: told[number].severity.rank)[:_PICTURES]
