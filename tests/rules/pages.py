"""Pages of metrics: those of other people's exporters, checked in, and ones of ours."""

import re
from functools import cache
from pathlib import Path

from prometheus_client.exposition import generate_latest

from exporter.signals import HOST_SIGNALS
from receiver import metrics, momentary
from tests.exposed import by_exporter

_TESTS = Path(__file__).parents[1]
_FOLDER = _TESTS / "fixtures/expositions"
_GOLDEN = _TESTS / "exporter/golden/host.prom"


def foreign() -> dict[str, str]:
    """Return the checked-in pages by the name and version of their exporter."""
    return {path.stem: path.read_text() for path in _FOLDER.glob("*.txt")}


@cache
def exposed(name: str = "") -> frozenset[str]:
    """Return the series' names of one checked-in page, or of all."""
    pages = [text for page, text in foreign().items() if name in {"", page}]
    assert pages, f"no page of {name} is checked in"
    return frozenset(re.findall(r"^[a-zA-Z_:][\w:]*", "\n".join(pages), re.MULTILINE))


def of_exporter() -> str:
    """Return the fixture host's page, with one series a signal of whatever else there is."""
    host = _GOLDEN.read_text()
    own = sorted(name for name in by_exporter() if f" {name} " not in host)
    lines = [
        f'{name}{{signal="{signal}",collector="cpu",reason="duplicate",state="scored"}} 1\n'
        for name in own
        for signal in HOST_SIGNALS
    ]
    return host + "".join(lines)


def of_receiver() -> str:
    """Return the page of a receiver with one channel that has just failed."""
    made = metrics.create("0", ["ops"])
    made.show(momentary.Backlog(up=True, owed={"ops": 1}, oldest={"ops": 1.0}))
    made.failed("ops", "timeout", "no answer")
    made.template_failures.labels("slack.en").inc()
    made.watchdog.set_to_current_time()
    return generate_latest(made.registry).decode()
