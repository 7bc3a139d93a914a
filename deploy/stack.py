"""The four processes as one: started together, watched, and stopped together."""

import contextlib
import http.client
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from deploy.home import SetUpError

_STOP_SECONDS = 10.0
_LAST_LINES = 8
_ERROR = re.compile(r"\blevel=error\b", re.IGNORECASE)
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Service:
    """One process: what to run and where it answers.

    Its log is `log`; `output` is where standard output goes, and None is our own.
    """

    name: str
    argv: tuple[str, ...]
    url: str
    log: Path
    output: Path | None


def leashed(argv: Sequence[str]) -> list[str]:
    """Return argv that runs the program so that it ends when this process does."""
    return [sys.executable, "-m", "deploy.leash", str(os.getpid()), *argv]


def fetch(url: str, token: str = "", timeout: float = 5.0) -> str:
    """Return the body of a page, never by way of a proxy; raises OSError where that fails."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 -- loopback, made by us
    with _DIRECT.open(request, timeout=timeout) as reply:
        return str(reply.read().decode("utf-8"))


def answers(url: str) -> bool:
    """Whether a GET of the URL succeeds."""
    try:
        fetch(url)
    except (OSError, http.client.HTTPException):
        return False
    return True


def _tail(log: Path) -> str:
    """Quote the last errors; where a log names none, its last lines.

    The last lines of Prometheus and Alertmanager are about their stopping, not about why.
    """
    lines = log.read_text("utf-8", "replace").splitlines()
    if not lines:
        return f"; its log {log} is empty"
    errors = [line for line in lines if _ERROR.search(line)]
    said = "".join(f"\n  {line}" for line in (errors or lines)[-_LAST_LINES:])
    return f"; its log {log} {'says' if errors else 'ends with'}:{said}"


class Stack:
    """A context: inside it the services run; however it is left, none of them does."""

    def __init__(self, services: Sequence[Service], environment: Mapping[str, str]) -> None:
        self.services = tuple(services)
        self._environment = environment
        self._running: dict[Service, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as undo:  # whatever ends the starting, Ctrl-C too
            undo.callback(self._stop)
            for service in self.services:
                self._running[service] = self._start(service)
            undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def service(self, name: str) -> Service:
        """Return the service of that name."""
        return next(service for service in self.services if service.name == name)

    def _start(self, service: Service) -> subprocess.Popen[bytes]:
        if service.log.exists():
            service.log.replace(service.log.with_suffix(".log.old"))
        with contextlib.ExitStack() as files:
            output = files.enter_context(service.output.open("ab")) if service.output else None
            return subprocess.Popen(
                leashed(service.argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=files.enter_context(service.log.open("ab")),
                env=self._environment,
                start_new_session=True,  # Ctrl-C comes to us alone; we stop them in order
            )

    def check(self) -> None:
        """Raise SetUpError with the last log lines if any service has ended."""
        for service, process in self._running.items():
            status = process.poll()
            if status is not None:
                raise SetUpError(f"{service.name} ended with status {status}{_tail(service.log)}")

    def wait_ready(self, timeout: float = 60.0) -> None:
        """Return once every service answers; raises SetUpError after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        for service in self.services:
            while not answers(f"{service.url}/-/ready"):
                self.check()
                if time.monotonic() > deadline:
                    raise SetUpError(
                        f"{service.name} was not ready within {timeout:g} s{_tail(service.log)}"
                    )
                time.sleep(0.1)

    def _stop(self) -> None:
        with _undisturbed():
            for process in reversed(self._running.values()):
                process.terminate()
            deadline = time.monotonic() + _STOP_SECONDS
            for process in self._running.values():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, deadline - time.monotonic()))
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # its children too
                process.wait()


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep a second Ctrl-C from cutting the stopping short, which would leave processes behind."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
