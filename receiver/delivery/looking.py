"""What is known of an incident beside its alerts, asked for while its message waits a little."""

from collections.abc import Awaitable, Callable, Sequence
from time import monotonic

from receiver.delivery.merge import Telling
from receiver.messages.render import Style
from receiver.model import UNKNOWN, Background, Notification

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

    async def at(self, tellings: Sequence[Telling]) -> Background:
        """Return what is known in time; of a digest it is nothing."""
        if len(tellings) > 1:
            return UNKNOWN
        about, began = tellings[0].notification, monotonic()
        style = None if about.act else self._style  # what somebody did needs no picture
        found = await self._look(about, self._left, style)
        self._left = max(0.0, self._left - (monotonic() - began))
        return found
