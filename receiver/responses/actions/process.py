"""The process that an alert names: stopped, or made to yield to others."""

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from receiver.responses.actions.contract import Action, ActionError, Done, Tools
from receiver.settings import Duration

if TYPE_CHECKING:
    import psutil

_PID = re.compile(r"[1-9]\d{0,9}", re.ASCII)
_TIME = re.compile(r"\d{1,11}(?:\.\d{1,9})?", re.ASCII)
_CLOCKS = 1.5
"""Seconds by which a start can differ: the kernel counts from a boot whose time is rounded."""


def _check_name(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; write the name of the process, like worker")
    return text


class Process(Action):
    """`do` stop or renice to the process `pid`, if it is called `name` and has `started` then.

    A pid alone names nobody: it is given to another process soon. `started` is in seconds since
    1970. What does not stop by itself within `patience` is killed. Only its own user and root may.
    """

    idempotent: ClassVar[bool] = True

    action: Literal["process"]
    do: Literal["stop", "renice"]
    name: Annotated[str, AfterValidator(_check_name)]
    pid: str = "${labels.pid}"
    started: str = "${labels.started}"
    patience: Duration = 10.0
    nice: Annotated[int, Field(ge=1, le=19)] = 10

    @property
    def says(self) -> str:
        """What is done to which process."""
        what = "stop" if self.do == "stop" else f"renice to {self.nice}"
        return f"{what} {self.name}, pid {self.pid}, started at {self.started}"

    @property
    def undoable(self) -> bool:
        """What is stopped cannot be started again from here."""
        return self.do == "renice"

    async def run(self, tools: Tools) -> Done:  # noqa: ARG002 -- the contract's
        """Find it, make sure that it is the one, and do it."""
        with _held(self._number()) as handle:
            if handle is None:
                return Done(f"{self.name}, pid {self.pid}, is gone already")
            process = self._same()
            if self.do == "renice":
                before = _renice(process, self.nice)
                return Done(f"nice {before} is {self.nice} now", notes={"nice": str(before)})
            return Done(await self._stop(handle))

    async def undo(self, tools: Tools, notes: Mapping[str, str]) -> Done:  # noqa: ARG002 -- the contract's
        """Give it back how nice it was."""
        with _held(self._number()) as handle:
            if handle is None:
                return Done("it is gone")
            _renice(self._same(), int(notes["nice"]))
        return Done(f"nice is {notes['nice']} again")

    def _number(self) -> int:
        if not _PID.fullmatch(self.pid):
            raise ActionError("no_pid", f"{self.pid!r:.40} is no process id")
        return int(self.pid)

    def _same(self) -> "psutil.Process":
        """Return the process if it is the one that is meant, and may be touched at all."""
        import psutil

        if not _TIME.fullmatch(self.started):
            raise ActionError("no_time", f"{self.started!r:.40} is no time in seconds")
        try:
            process = psutil.Process(int(self.pid))
            name, started = process.name(), process.create_time()
            ours = {os.getpid(), *(each.pid for each in psutil.Process().parents())}
        except psutil.Error as error:
            raise ActionError("not_found", str(error)) from None
        if process.pid in ours | {1, 2} or process.ppid() == 2:
            raise ActionError("not_allowed", f"pid {self.pid} is the system's, or what we run in")
        if name != self.name or abs(started - float(self.started)) > _CLOCKS:
            said = f"pid {self.pid} is {name!r:.60} now, started at {started:.0f}"
            raise ActionError("not_the_same", said)
        return process

    async def _stop(self, handle: int) -> str:
        for number, seconds in ((signal.SIGTERM, self.patience), (signal.SIGKILL, 5.0)):
            try:
                signal.pidfd_send_signal(handle, number)
            except ProcessLookupError:
                return "it ended by itself"
            except PermissionError:
                raise ActionError("not_permitted", "it belongs to another user") from None
            if await _ended(handle, seconds):
                return f"stopped by {number.name}"
        raise ActionError("still_there", "it was killed, and has not ended", unknown=True)


@contextlib.contextmanager
def _held(pid: int) -> Iterator[int | None]:
    """Hold on to whatever has this pid now, so that no other can get into its place; or None."""
    try:
        handle = os.pidfd_open(pid)
    except (ProcessLookupError, OverflowError):
        yield None
        return
    except OSError as error:
        raise ActionError("not_found", f"pid {pid}: {error.strerror}") from None
    try:
        yield handle
    finally:
        os.close(handle)


async def _ended(handle: int, seconds: float) -> bool:
    """Wait until a process has ended, if it does in time."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(handle, over.set)
    try:
        await asyncio.wait_for(over.wait(), seconds)
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(handle)
    return True


def _renice(process: "psutil.Process", nice: int) -> int:
    """Set it; returns what it was."""
    import psutil

    try:
        before = int(process.nice())
        process.nice(nice)
    except psutil.AccessDenied:
        raise ActionError("not_permitted", "it belongs to another user, or would gain") from None
    except psutil.Error as error:
        raise ActionError("not_found", str(error)) from None
    return before
