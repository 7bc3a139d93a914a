"""The history of a real Prometheus, filled by promtool."""

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.__main__ import main
from exporter.backtest.remote import cover, file_names, parts
from tests.exporter.backtest.files import STEP, rows, with_spike

START = 1_700_000_040
"""A multiple of the step, so that the points asked for are those that were stored."""
ROWS, SPIKE = 2400, 2300
debian = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")),
    reason="Debian's prometheus is not installed",
)


def backtest(url: str, out: Path, *more: str) -> int:
    span = ["--start", str(START), "--end", str(START + (ROWS - 1) * STEP), "--step", "1m"]
    source = ["--prometheus", url, *span, "--out", str(out)]
    return main(["backtest", *source, "--no-pictures", *more])


def openmetrics(values: list[float]) -> str:
    lines = ["# TYPE queue_depth gauge"]
    for queue, factor in (("mail", 1), ("a/b", 2)):
        labels = f'{{queue="{queue}"}}'
        stored = ((START + i * STEP, factor * value) for i, value in enumerate(values))
        # There is a gap: two hours in which nobody scraped.
        lines += [
            f"queue_depth{labels} {value} {at}"
            for at, value in stored
            if not 1000 <= (at - START) / STEP < 1120
        ]
    return "\n".join([*lines, "# EOF", ""])


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "history").write_text(openmetrics(with_spike(ROWS, SPIKE)), "utf-8")
    fill = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "history", "data"]
    subprocess.run(fill, check=True, cwd=folder, timeout=60, stdout=subprocess.DEVNULL)
    (folder / "prometheus.yml").write_text("{}", "utf-8")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    argv = ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data"]
    argv += [f"--web.listen-address={address}", "--storage.tsdb.retention.time=100y"]
    process = subprocess.Popen(argv, cwd=folder, stderr=subprocess.DEVNULL)
    try:
        wait_until_ready(f"http://{address}")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_until_ready(url: str) -> None:
    due = time.monotonic() + 60
    while time.monotonic() < due:
        try:
            urllib.request.urlopen(f"{url}/-/ready", timeout=10).close()
        except urllib.error.URLError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"{url} did not become ready")


@debian
def test_history_is_split_by_time_and_each_series_has_a_file(
    prometheus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert backtest(prometheus, tmp_path, "--query", "queue_depth") == 0
    names = ["queue_depth_queue_a_b.csv", "queue_depth_queue_mail.csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    found = rows(tmp_path / names[1])
    # A value is repeated for five minutes after the last; older servers count the fifth in.
    assert len(found) - (ROWS - 120) in {4, 5}
    assert found[0]["timestamp"] == "2023-11-14T22:14:00Z"
    assert float(found[0]["value"]) == with_spike(ROWS, SPIKE)[0]
    assert len({row["timestamp"] for row in found}) == len(found)
    line = capsys.readouterr().out.splitlines()[2].split()
    assert line[0] == names[1]
    assert line[6] == "2023-11-16T12:34:00Z"


@debian
def test_what_prometheus_refuses_is_said_in_its_words(
    prometheus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert backtest(prometheus, tmp_path, "--query", "sum(") == 1
    assert "Prometheus: HTTP 400: " in (said := capsys.readouterr().err)
    assert "parse error" in said


@debian
def test_of_a_history_shorter_than_the_grace_a_hint_is_given(
    prometheus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recent = ["--query", "queue_depth", "--start", str(START + (ROWS - 30) * STEP)]
    assert backtest(prometheus, tmp_path, *recent) == 0
    assert "(of --prometheus an earlier --start), or e.g. --grace 10m" in capsys.readouterr().err


@debian
def test_a_query_without_result_is_said(
    prometheus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert backtest(prometheus, tmp_path, "--query", "nothing") == 1
    assert "check query, start and end" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "more", "said"),
    [
        ("http://127.0.0.1:1", ["--query", "up"], "Prometheus: "),
        ("localhost:9090", ["--query", "up"], "write it like http://127.0.0.1:9090"),
        ("http://127.0.0.1:1", [], "--prometheus needs --query"),
        ("http://127.0.0.1:1", ["--query", "up", "--end", "1"], "--end is before --start"),
    ],
)
def test_what_cannot_be_asked_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str, more: list[str], said: str
) -> None:
    assert backtest(url, tmp_path, *more) == 1
    assert said in capsys.readouterr().err


def test_a_span_is_cut_without_a_point_twice() -> None:
    spans = [(part.start, part.end) for part in parts(cover(0, 5000.5, 1))]
    assert spans == [(0, 1999), (2000, 3999), (4000, 5000)]
    assert [(part.start, part.end) for part in parts(cover(7, 7, 15))] == [(7, 7)]


def test_file_names_are_safe_and_distinct() -> None:
    series = ['up{a="/x"}', 'UP{a=".x"}', "..", "x" * 300, "x" * 300 + "y", "é"]
    names = [str(name) for name in file_names(series).values()]
    assert len({name.lower() for name in names}) == len(series)
    assert all(name.isascii() and len(name) < 130 and name[0].isalnum() for name in names)
