"""The rules of the house: who may import whom, how big a file may be, what the README names."""

import ast
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from exporter.collectors import COLLECTORS
from exporter.config import Config as ExporterConfig
from exporter.detectors import DETECTORS
from exporter.fitted import MODELS
from exporter.signals import HOST_SIGNALS
from receiver.channels import CHANNELS
from receiver.config import Config as ReceiverConfig
from receiver.responses.actions import ACTIONS
from receiver.responses.checks import CHECKS
from tests.exposed import by_exporter, by_receiver

ROOT = Path(__file__).parents[1]

# A room may import itself and the rooms that stand above it.
ROOMS = {
    "exporter": [
        *("model", "settings", "collectors", "fence", "prometheus", "signals", "detectors"),
        "groups",
        *(
            "fitted",
            "fit",
            "drift",
            "forecast",
            "availability",
            "state",
            "quality",
            "history",
            "unmatched",
            "skipping",
            "tick",
            "backfill",
        ),
        *("exposition", "apm", "web", "config", "backtest", "listening", "app", "__main__"),
    ],
    "receiver": [
        *(
            "severity",
            "model",
            "settings",
            "signing",
            "momentary",
            "metrics",
            "store",
            "channels",
            "messages",
            "delivery",
        ),
        *("upkeep", "upstream", "pictures", "background", "rulebook"),
        *("incidents", "responses", "intake", "reports", "web", "config", "letters"),
        *(
            "outlets",
            "drill",
            "preview",
            "rota",
            "report",
            "backup",
            "doctor",
            "logs",
            "memory",
            "reload",
            "responding",
            "watching",
            "plan",
            "ledger",
        ),
        *("app", "__main__"),
    ],
}
# Rooms full of plug-ins: such a file knows the model, the settings and its own room.
PLUGINS = {
    "exporter": {"collectors", "detectors", "drift", "forecast"},
    "receiver": {"channels"},
}
LONGEST_FILE = 300
LONGEST_FUNCTION = 40

SOURCES = sorted(p for package in ROOMS for p in (ROOT / package).rglob("*.py"))


def imported(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (package, room) for each import of ours."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for package, room in (name.split(".")[:2] for name in names if "." in name):
            if package in ROOMS:
                yield package, room


def room_of(path: Path) -> tuple[str, str]:
    package, first = path.relative_to(ROOT).parts[:2]
    return package, first.removesuffix(".py")


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_imports_only_from_rooms_above_its_own(path: Path) -> None:
    package, room = room_of(path)
    if room == "__init__":
        assert not list(imported(path))
        return
    order = ROOMS[package]
    assert room in order, f"{room} has no place in the order of {package}'s rooms"
    for other_package, other in imported(path):
        assert other_package == package, f"{package} imports {other_package}"
        assert order.index(other) <= order.index(room), f"{room} imports {other} below it"
        if room in PLUGINS[package]:
            assert other in {"severity", "model", "settings", room}, f"a plug-in imports {other}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_and_functions_stay_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_FILE
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= LONGEST_FUNCTION, f"{node.name} has {lines} lines"


def test_the_top_level_is_exactly_as_designed() -> None:
    allowed = {"pyproject.toml", "README.md", *ROOMS, "deploy", "rules", "grafana", "tests"}
    visible = {p.name for p in ROOT.iterdir() if not p.name.startswith(".")}
    assert visible - {"build", "dist", "tocsin.egg-info", "__pycache__"} == allowed


def test_broad_excepts_stand_only_in_the_measured_fences() -> None:
    broad = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if re.search(r"except(?: \(?(?:Base)?Exception\b.*)?:", path.read_text())
    ]
    assert broad == FENCES


# One fence round each kind of plug-in: collectors, channels, actions, checks. The store's lane
# swallows nothing: it carries an error from its thread to the caller that waits for it, as any
# future does.
FENCES = [
    "exporter/fence.py",
    "receiver/delivery/sending.py",
    "receiver/responses/carrying.py",
    "receiver/responses/verifying.py",
    "receiver/store/lane.py",
]


def first_column() -> Iterator[str]:
    """Yield what stands in backticks in the README's tables' first columns."""
    for line in README.splitlines():
        if line.startswith("|"):
            yield from re.findall(r"`([^`]+)`", line.split("|")[1])


README = (ROOT / "README.md").read_text()
IN_TABLES = [
    name
    for line in README.splitlines()
    if line.startswith("|")
    for name in re.findall(r"`([^`]+)`", line)
]


KEYS: dict[str, Mapping[str, object]] = {
    "collectors": COLLECTORS,
    "signals": HOST_SIGNALS,
    "detectors": DETECTORS,
    "models": MODELS,
    "channels": CHANNELS,
    "actions": ACTIONS,
    "checks": CHECKS,
    "exporter.yml": ExporterConfig.model_fields,
    "receiver.yml": ReceiverConfig.model_fields,
}


@pytest.mark.parametrize("names", KEYS.values(), ids=KEYS)
def test_every_key_is_named_in_a_table_of_the_readme(names: Mapping[str, object]) -> None:
    assert set(names) <= set(first_column())


def test_every_exposed_metric_is_named_in_a_table_of_the_readme() -> None:
    # A histogram has one line for its three series; a family named by the kernel's own words,
    # a pattern.
    names = {re.sub(r"_(bucket|sum|count)$", "", name) for name in by_receiver()} | by_exporter()
    missing = {n for n in names if not any(fnmatchcase(n, pattern) for pattern in IN_TABLES)}
    assert not missing
