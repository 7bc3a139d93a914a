"""What leads traffic: HAProxy by its runtime socket, nginx by a file and a reload."""

import asyncio
import os
import re
import stat
import tempfile
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from receiver.responses.actions import processes
from receiver.responses.actions.contract import LONGEST_OUTPUT, ActionError, Done
from receiver.settings import Section

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}")
_FORCED_MAINT, _FORCED_DRAIN = 0x01, 0x08
"""Bits of `srv_admin_state` (HAProxy's management guide, "show servers state")."""
_RUNNING = 2
_FULL_WEIGHT = 256


class Balancer(Section):
    """Something that leads traffic to servers, and can lead it elsewhere."""

    @property
    @abstractmethod
    def says(self) -> str:
        """What is changed, and to what."""

    @property
    def privileges(self) -> tuple[tuple[str, ...], ...]:
        """Return the exact commands for which the receiver's user may need more rights."""
        return ()

    @abstractmethod
    async def lead(self) -> Done:
        """Change it; raises ActionError."""

    @abstractmethod
    async def back(self, notes: Mapping[str, str]) -> None:
        """Change it back, by what `lead` noted; raises ActionError."""


def _check_path(text: str) -> str:
    if not text.startswith("/") or "$" in text:
        raise ValueError(f"{text!r:.80} is no absolute path that stands there in full")
    return text


FixedPath = Annotated[str, AfterValidator(_check_path)]


class Haproxy(Balancer):
    """Set the `state` or the `weight` of a `server` in a `backend`, by the runtime `socket`.

    Traffic is taken from a server only while at least `remaining` others take some.
    """

    socket: FixedPath = "/run/haproxy/admin.sock"
    backend: str
    server: str
    state: Literal["ready", "drain", "maint"] | None = None
    weight: Annotated[int, Field(ge=0, le=_FULL_WEIGHT)] | None = None
    remaining: Annotated[int, Field(ge=0)] = 1

    @property
    def says(self) -> str:
        """The server, and what it is set to."""
        weight = "" if self.weight is None else f"weight {self.weight}"
        what = " and ".join(each for each in (self.state, weight) if each)
        return f"set {self.backend}/{self.server} to {what or 'nothing'}"

    async def lead(self) -> Done:
        """Set it, and note what was."""
        servers = await self._servers()
        own = servers.get(self.server)
        if own is None:
            raise ActionError("not_found", f"{self.backend} has no server {self.server}")
        others = sum(each.takes for name, each in servers.items() if name != self.server)
        if (self.state in {"drain", "maint"} or self.weight == 0) and others < self.remaining:
            said = f"{others} others take traffic, and {self.remaining} must"
            raise ActionError("too_few_left", said)
        notes = {"state": own.state, "weight": str(own.weight)}
        try:
            await self._set(self.state, self.weight)
        except ActionError:
            await self.back(notes)  # half of it may be done
            raise
        return Done(f"was {own.state} with weight {own.weight}", notes=notes)

    async def back(self, notes: Mapping[str, str]) -> None:
        """Set what was changed as it was."""
        weight = int(notes["weight"]) if self.weight is not None else None
        await self._set(notes["state"] if self.state else None, weight)

    async def _set(self, state: str | None, weight: int | None) -> None:
        name = f"{self.backend}/{self.server}"
        if weight is not None:
            await self._tell(f"set server {name} weight {weight}")
        if state is not None:
            await self._tell(f"set server {name} state {state}")

    async def _tell(self, command: str) -> None:
        if said := (await self._ask(command)).strip():
            raise ActionError("failed", f"haproxy: {said:.200}")

    async def _servers(self) -> Mapping[str, "_Server"]:
        for name in (self.backend, self.server):
            if not _NAME.fullmatch(name):
                raise ActionError("unsafe_value", f"{name!r:.80} is no name")
        said = await self._ask(f"show servers state {self.backend}")
        lines = [line.split() for line in said.splitlines() if line]
        head = next((line[1:] for line in lines if line[:1] == ["#"]), None)
        if head is None:
            raise ActionError("failed", f"haproxy: {said.strip():.200}")
        rows = [dict(zip(head, line, strict=False)) for line in lines if line[0] != "#"]
        return {row["srv_name"]: _Server.read(row) for row in rows if "srv_name" in row}

    async def _ask(self, command: str) -> str:
        """Say one command; the other side closes once it has answered."""
        try:
            reader, writer = await asyncio.open_unix_connection(self.socket)
        except OSError as error:
            raise ActionError("unreachable", f"{self.socket}: {error.strerror}") from None
        try:
            writer.write(f"{command}\n".encode())
            await writer.drain()
            return (await _all(reader)).decode("utf-8", "replace")
        except OSError as error:
            raise ActionError("disconnected", f"{error.strerror}", unknown=True) from None
        finally:
            writer.close()


async def _all(reader: asyncio.StreamReader) -> bytes:
    said = b""
    while len(said) < LONGEST_OUTPUT and (chunk := await reader.read(LONGEST_OUTPUT)):
        said += chunk
    return said


@dataclass(frozen=True, slots=True)
class _Server:
    """A server of HAProxy's; `takes` says whether it takes traffic."""

    state: str
    weight: int
    takes: bool

    @classmethod
    def read(cls, row: Mapping[str, str]) -> "_Server":
        """Read a line of "show servers state"; raises ActionError."""
        try:
            admin, weight = int(row["srv_admin_state"]), int(row["srv_uweight"])
            runs = int(row["srv_op_state"]) == _RUNNING
        except (LookupError, ValueError):
            raise ActionError("unexpected", "haproxy says something else") from None
        maint, drain = admin & _FORCED_MAINT, admin & _FORCED_DRAIN
        state = "maint" if maint else "drain" if drain else "ready"
        return cls(state, weight, runs and admin == 0 and weight > 0)


def _check_program(argv: tuple[str, ...]) -> tuple[str, ...]:
    if not argv or not argv[0].startswith("/") or any("$" in word for word in argv):
        raise ValueError("write nginx with its path and in full, like [/usr/sbin/nginx]")
    return argv


class Nginx(Balancer):
    """Write `text` into `file`, which nginx includes, and let it reload if it takes it.

    `argv` starts nginx with the options that say which one; with sudo it may need more rights.
    """

    file: FixedPath
    text: Annotated[str, Field(min_length=1, max_length=LONGEST_OUTPUT)]
    argv: Annotated[tuple[str, ...], AfterValidator(_check_program)] = ("/usr/sbin/nginx",)

    @property
    def says(self) -> str:
        """The file."""
        return f"write {self.file} and reload nginx"

    @property
    def privileges(self) -> tuple[tuple[str, ...], ...]:
        """The test and the reload, where they ask sudo for more rights."""
        if self.argv[:2] != ("/usr/bin/sudo", "-n"):
            return ()
        return ((*self.argv[2:], "-t"), (*self.argv[2:], "-s", "reload"))

    async def lead(self) -> Done:
        """Write, test and reload; what nginx refuses is not left there."""
        before = _read(self.file)
        output = await self._use(self.text, before)
        return Done("reloaded", output, notes={"text": before})

    async def back(self, notes: Mapping[str, str]) -> None:
        """Write what was there."""
        await self._use(notes["text"], self.text)

    async def _use(self, text: str, before: str) -> str:
        _write(self.file, text)
        used = False
        try:
            await self._nginx("-t")
            output = await self._nginx("-s", "reload")
            used = True
        finally:
            if not used:
                _write(self.file, before)
        return output

    async def _nginx(self, *words: str) -> str:
        ended = await processes.run([*self.argv, *words])
        if ended.code:
            said = f"nginx {' '.join(words)}: exit {ended.code}"
            raise ActionError("failed", said, output=ended.output)
        return ended.output


def _read(path: str) -> str:
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise ActionError("not_allowed", f"{path} is no plain file")
        text = Path(path).read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no UTF-8"
        raise ActionError("failed", f"{path} cannot be read: {why}") from None
    if len(text) > LONGEST_OUTPUT:
        raise ActionError("not_allowed", f"{path} is too long to be noted")
    return text


def _write(path: str, text: str) -> None:
    """Put another file in its place at once, with the rights of the old one."""
    at = Path(path)
    try:
        mode = stat.S_IMODE(at.lstat().st_mode)
        with tempfile.TemporaryDirectory(dir=at.parent, prefix=".tocsin-") as folder:
            made = Path(folder, at.name)
            made.write_text(text, "utf-8")
            made.chmod(mode)
            made.replace(at)
    except OSError as error:
        raise ActionError("failed", f"{path} cannot be written: {error.strerror}") from None
