"""How far a run is: a bar on a terminal, lines elsewhere, nothing of a short run."""

import io

import pytest

from exporter.backtest import progress
from exporter.backtest.progress import Progress, clock


class Clock:
    """Stands in for `time`: tests do not wait."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    fake = Clock()
    monkeypatch.setattr(progress, "time", fake)
    return fake


def test_a_terminal_gets_a_bar_that_is_cleared_at_the_end(time: Clock) -> None:
    stream = Terminal()
    with Progress("scoring", stream) as tell:
        time.now += 30
        tell(0.25)
        tell(0.26)
    assert stream.getvalue() == f"\rscoring [{'#' * 7:30}]  25%, 1:30 left \r\x1b[K"


def test_a_log_gets_a_line_now_and_then(time: Clock) -> None:
    stream = io.StringIO()
    with Progress("scoring", stream) as tell:
        for part in range(10):
            tell(part / 10)
            time.now += 20
    assert stream.getvalue().splitlines() == [
        "scoring: 20%, 2:40 left",
        "scoring: 40%, 2:00 left",
        "scoring: 60%, 1:20 left",
        "scoring: 80%, 0:40 left",
    ]


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()], ids=["terminal", "log"])
def test_of_a_short_run_nothing_is_said(time: Clock, stream: io.StringIO) -> None:
    with Progress("scoring", stream) as tell:
        time.now += 1
        tell(0.5)
    assert stream.getvalue() == ""


def test_a_time_is_spelled_as_clocks_do() -> None:
    assert [clock(s) for s in (0, 61.4, 3725)] == ["0:00", "1:01", "1:02:05"]
