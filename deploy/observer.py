"""Sees what a user would see: the terminal's messages, and the pages of exporter and receiver."""

import html
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from deploy.home import PAGES
from deploy.stack import Stack, fetch

_CPU = re.compile(r'^node_cpu_seconds_total\{[^}]*mode="(\w+)"[^}]*\} (\S+)', re.MULTILINE)
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


def find_titles(messages: str, alert: str) -> list[str]:
    """Return the title lines of the alert's messages, oldest first."""
    return re.findall(rf"^\[.*\] {alert} .*$", messages, re.MULTILINE)


def is_resolved(title: str) -> bool:
    """Whether a title says that it is over."""
    return "Resolved]" in title


def _as_on_page(title: str) -> str:
    """Return a title as the inbox page shows it: the state without brackets and emoji."""
    return " ".join(re.sub(r"^\[\W*(.*?)\]", r"\1", title).split())


class Observer:
    """Watches one running stack."""

    def __init__(self, stack: Stack, home: Path) -> None:
        self._stack = stack
        self._home = home
        self.messages = ""
        """What the receiver has written to its standard output so far."""

    def page(self, name: str, path: str) -> str:
        """Fetch a page of the exporter or the receiver with its token."""
        token = (self._home / "secrets" / PAGES[name]).read_text("utf-8").strip()
        return fetch(self._stack.service(name).url + path, token)

    def cpu(self) -> CpuTime:
        """Return the CPU time as the exporter tells it now."""
        return parse_cpu(self.page("exporter", "/metrics"))

    def inbox_has(self, *titles: str) -> bool:
        """Whether each title stands on the receiver's inbox page."""
        text = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", self.page("receiver", "/"))).split())
        return all(_as_on_page(title) in text for title in titles)

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
