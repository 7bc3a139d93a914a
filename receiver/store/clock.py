"""The time by which messages are claimed, on which all receivers of a database must agree.

One that is ahead would take what another has just claimed, and send it a second time.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic

from sqlalchemy import Connection, func, select

_LONGEST = 60.0
"""Seconds for which a quartz is good: it goes wrong by less than a hundredth of one."""
_JUMP = timedelta(seconds=1)
"""How far this machine's time may part from the seconds counted, which miss those of a sleep."""


def utc_now() -> datetime:
    """Return this machine's time."""
    return datetime.now(UTC)


class Clock:
    """Shows `own` time until it is set by a database's, and then that, whatever `own` does."""

    def __init__(self, own: Callable[[], datetime] = utc_now) -> None:
        self._own = own
        self._set: tuple[float, datetime, datetime] | None = None

    def now(self) -> datetime:
        """Return the time."""
        if self._set is None:
            return self._own()
        at, _, theirs = self._set
        return theirs + timedelta(seconds=monotonic() - at)

    def needs_setting(self) -> bool:
        """Whether it was set too long ago, or seconds may have passed that it did not see."""
        if self._set is None:
            return True
        at, own, _ = self._set
        passed = monotonic() - at
        return passed > _LONGEST or abs(self._own() - own - timedelta(seconds=passed)) > _JUMP

    def set_by(self, connection: Connection) -> None:
        """Set it by a database that knows `clock_timestamp()`."""
        before = monotonic()
        theirs = connection.execute(select(func.clock_timestamp())).scalar_one()
        self._set = ((before + monotonic()) / 2, self._own(), theirs.astimezone(UTC))
