"""The demonstration: a real incident on this machine, from load on the CPU to the inbox page."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from deploy.home import DEPLOY, Flavour, SetUpError
from deploy.observer import MissingStep, Observer, find_titles, is_resolved, parse_value
from deploy.stack import Stack, leashed

FLAVOUR = Flavour(
    exporter=DEPLOY / "demo/exporter.yml",
    rules=DEPLOY / "demo/rules",
    prometheus_changes={
        "scrape_interval: 15s": "scrape_interval: 1s",
        "evaluation_interval: 15s": "evaluation_interval: 1s",
    },
    alertmanager_changes={
        "group_wait: 10s": "group_wait: 0s",
        "group_interval: 1m #": "group_interval: 1s #",
    },
)
_MARK = "made-by-the-demonstration"
_ALERT = "DemoCpuBusy"
_SIGNAL = 'signal="cpu_utilisation"'
_QUIET = 0.7
"""Below this busy share the load can be told from what runs here anyway."""


def make_home(home: Path) -> Path:
    """Return an empty state folder for the demonstration, apart from the user's own."""
    folder = home / "demo"
    if folder.exists():
        if not (folder / _MARK).exists():
            raise SetUpError(f"{folder} was not made by a demonstration; move it away first")
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / _MARK).touch()
    return folder


def run(stack: Stack, home: Path) -> int:
    """Play it; returns 0 if everything was seen, else 1 after saying what was missing."""
    try:
        _play(stack, Observer(stack, home))
    except (MissingStep, OSError) as missing:  # OSError: a page that did not answer
        print(f"The demonstration failed; missing: {missing}. Logs: {home}/log", file=sys.stderr)
        return 1
    return 0


def _play(stack: Stack, see: Observer) -> None:
    began = time.monotonic()
    stack.wait_ready()
    print("1. The stack is up: " + ", ".join(f"{s.name} {s.url}" for s in stack.services))
    busy = _wait_for_quiet(see)
    print(f"2. The machine is quiet: its CPUs are {busy:.0%} busy.")
    with cpu_load():
        start = time.monotonic()
        print(f"3. Load has started: {os.cpu_count()} busy processes at nice 19.")
        told = len(_titles(see))
        firing, score = _wait_for_firing(see, told)
        print(f"4. The firing message came {time.monotonic() - start:.1f} s after the load began.")
    print(f"5. The CPU's anomaly score rose to {score:.1f}; {_judge(score)}.")
    stop = time.monotonic()
    print("6. The load has stopped.")
    resolved = _wait_for_resolved(see, told)
    print(f"7. The resolved message came {time.monotonic() - stop:.1f} s after the load's end.")
    see.until(
        lambda: see.inbox_has(firing, resolved) or None, 10, "both messages on the inbox page"
    )
    print(f"8. The inbox page {stack.service('receiver').url}/ has both.")
    print(f"All of it happened, in {time.monotonic() - began:.0f} s.")


def _wait_for_quiet(see: Observer) -> float:
    """Return the busy share once it is low over three seconds and the exporter scores the CPU."""
    before, since, busy = see.cpu(), time.monotonic(), 1.0

    def look() -> bool | None:
        nonlocal before, since, busy
        if time.monotonic() - since < 3:
            return None
        now = see.cpu()
        before, since, busy = now, time.monotonic(), now.busy_since(before)
        # What else ran here may have fired the alert, and its end must have been told, too.
        over = all(map(is_resolved, _titles(see)[-1:]))
        return (busy < _QUIET and over and _score(see) is not None) or None

    try:
        see.until(look, 60, f"a quiet machine, CPUs below {_QUIET:.0%} busy, and a score")
    except MissingStep as missing:
        raise MissingStep(f"{missing}; the CPUs are {busy:.0%} busy") from missing
    return busy


def _titles(see: Observer) -> list[str]:
    return find_titles(see.messages, _ALERT)


def _score(see: Observer) -> float | None:
    return parse_value(see.page("exporter", "/metrics"), "tocsin_anomaly_score", _SIGNAL)


def _wait_for_firing(see: Observer, told: int) -> tuple[str, float]:
    """Return the title of the next firing message, and the highest score meanwhile.

    The score is noted all along, because it shows an alarm once and falls back right after it.
    """
    highest = 0.0

    def look() -> str | None:
        nonlocal highest
        highest = max(highest, _score(see) or 0.0)
        return next((t for t in _titles(see)[told:] if not is_resolved(t)), None)

    return see.until(look, 60, "the firing message"), highest


def _wait_for_resolved(see: Observer, told: int) -> str:
    """Return the title of the resolved message."""
    before = see.cpu()
    try:
        return see.until(
            lambda: next(filter(is_resolved, _titles(see)[told:]), None), 60, "the resolved message"
        )
    except MissingStep as missing:
        busy = see.cpu().busy_since(before)
        raise MissingStep(
            f"{missing}; even without the load the CPUs are {busy:.0%} busy"
        ) from missing


def _judge(score: float) -> str:
    if score >= 1:
        return "1 is the alarm line, so the exporter noticed by itself"
    return "that is below the alarm line 1, because this machine was already restless"


@contextlib.contextmanager
def cpu_load(processes: int = os.cpu_count() or 1) -> Iterator[None]:
    """Keep every CPU busy inside the context, at the lowest priority."""
    argv = leashed(["nice", "-n", "19", sys.executable, "-c", "while True: pass"])
    burners: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(processes):
            burners += [subprocess.Popen(argv, stdin=subprocess.DEVNULL)]
        yield
    finally:
        for burner in burners:
            burner.kill()
        for burner in burners:
            burner.wait()
