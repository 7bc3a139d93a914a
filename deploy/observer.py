"""Sees what a user would see: the terminal's messages, and the pages of exporter and receiver."""

import html
import re
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from deploy.stack import Stack

_CPU = re.compile(r'^node_cpu_seconds_total\{[^}]*mode="(\w+)"[^}]*\} (\S+)', re.MULTILINE)
_TOKENS = {"exporter": "exporter.token", "receiver": "read.token"}
_T = TypeVar("_T")


class MissingStep(Exception):  # noqa: N818 -- names what is missing, not a fault
    """Something that the demonstration should have seen and did not."""


@dataclass(frozen=True, slots=True)
class CpuTime:
    """Seconds of all CPUs since boot."""

    idle: float
    total: float

    def busy_since(self, before: "CpuTime") -> float:
        """Return the busy share of the time in between, 0 to 1."""
        total = self.total - before.total
        return 1 - (self.idle - before.idle) / total if total > 0 else 1.0


def parse_cpu(page: str) -> CpuTime:
    """Add up the CPU time on a page of metrics; waiting for a disk is idle."""
    times = [(mode, float(value)) for mode, value in _CPU.findall(page)]
    idle = sum(value for mode, value in times if mode in {"idle", "iowait"})
    return CpuTime(idle, sum(value for _, value in times))


def parse_value(page: str, metric: str, label: str) -> float | None:
    """Return the value of the first series with the label, or None where there is none."""
    found = re.search(rf"^{metric}\{{[^}}]*{label}[^}}]*\}} (\S+)", page, re.MULTILINE)
    return float(found[1]) if found else None


def find_title(messages: str, alert: str, *, resolved: bool) -> str | None:
    """Return the title of the first message of the alert that says so, if there is one."""
    titles = re.findall(rf"^\[.*\] {alert} .*$", messages, re.MULTILINE)
    return next((title for title in titles if ("Resolved]" in title) is resolved), None)


class Observer:
    """Watches one running stack."""

    def __init__(self, stack: Stack, home: Path) -> None:
        self._stack = stack
        self._home = home
        self.messages = ""
        """What the receiver has written to its standard output so far."""

    def page(self, name: str, path: str) -> str:
        """Fetch a page of the exporter or the receiver with its token."""
        secret = (self._home / "secrets" / _TOKENS[name]).read_text("utf-8").strip()
        url = self._stack.service(name).url + path
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {secret}"})  # noqa: S310 -- loopback, made by up.py
        with urllib.request.urlopen(request, timeout=5) as reply:  # noqa: S310 -- as above
            return str(reply.read().decode("utf-8"))

    def cpu(self) -> CpuTime:
        """Return the CPU time as the exporter tells it now."""
        return parse_cpu(self.page("exporter", "/metrics"))

    def inbox_has(self, *titles: str) -> bool:
        """Whether each title stands on the receiver's inbox page."""
        text = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", self.page("receiver", "/"))).split())
        return all(" ".join(title.split()) in text for title in titles)

    def until(self, look: Callable[[], _T | None], seconds: float, what: str) -> _T:
        """Look again and again, showing messages meanwhile; raises MissingStep after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            self._stack.check()
            self._show_messages()
            if (seen := look()) is not None:
                return seen
            if time.monotonic() > deadline:
                raise MissingStep(f"{what} (waited {seconds:g} s)")
            time.sleep(0.2)

    def _show_messages(self) -> None:
        shown = len(self.messages)
        self.messages = (self._home / "log/messages.log").read_text("utf-8", "replace")
        print(self.messages[shown:], end="", flush=True)
