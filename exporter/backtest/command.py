"""The command `backtest`: read, replay, write, sum up."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from exporter.backtest import labels, reader, summary
from exporter.backtest.progress import Progress
from exporter.backtest.run import Replay, replay
from exporter.backtest.series import InputError, Series
from exporter.backtest.summary import Line
from exporter.backtest.writer import write
from exporter.detectors.scoring import Rule
from exporter.settings import parse_duration, parse_sensitivity

_BATCH = 96 << 20
"""Bytes of CSV that are replayed at once; they take about six times that in memory."""


@dataclass(frozen=True, slots=True)
class _Order:
    """What the command line asks for; `sensitivities` by the words they were given in."""

    source: Path
    out: Path
    labels: labels.Labels | None
    sensitivities: dict[str, float]
    rule: Rule


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to a parser's; its `run` returns the exit status."""
    what = "score the past as the server would have, without looking ahead"
    command = commands.add_parser("backtest", help=what, description=what)
    command.set_defaults(run=_run, log_level="warning")
    command.add_argument("--csv", type=Path, required=True, metavar="IN", help="a file or a folder")
    command.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    command.add_argument(
        "--labels", type=Path, metavar="FILE", help="file,start,end, or NAB's JSON"
    )
    command.add_argument(
        "--sensitivity",
        type=_sensitivities,
        default="medium",
        metavar="S,...",
        help="low, medium, high or false alarms a week; several are compared",
    )
    for name, default in (("grace", "1h"), ("hold", "5m")):
        command.add_argument(f"--{name}", type=_duration, default=default, metavar="TIME")


def _sensitivities(text: str) -> dict[str, float]:
    try:
        return {word: parse_sensitivity(_number(word)) for word in text.split(",")}
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _run(arguments: argparse.Namespace) -> int:
    """Do it; what is wrong with one file is said, and the others are replayed all the same."""
    try:
        order = _order(arguments)
        paths = reader.find(order.source)
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    lines: dict[str, list[Line]] = {word: [] for word in order.sensitivities}
    broken = 0
    for batch in _batches(paths, _BATCH // len(lines)):
        series = list(_read(batch, order))
        broken += len(batch) - len(series)
        for word, replays in zip(lines, _replay(series, order), strict=True):
            lines[word] += _put(replays, _folder(order, word))
    _print(lines)
    return 1 if broken else 0


def _order(arguments: argparse.Namespace) -> _Order:
    source, out = arguments.csv, arguments.out
    if out.resolve() == source.resolve() or source.resolve() in out.resolve().parents:
        raise InputError(f"--out {out} is within --csv {source}; choose another folder")
    known = labels.load(arguments.labels) if arguments.labels else None
    # Each series' own step is learned; the interval matters to none of them.
    rule = Rule(60.0, arguments.grace, arguments.hold)
    return _Order(source, out, known, arguments.sensitivity, rule)


def _batches(paths: Sequence[Path], most: int) -> Iterator[list[Path]]:
    """Group files of about the same size, so that few run on while the others have ended."""
    sizes = {path: path.stat().st_size for path in paths}
    batch: list[Path] = []
    room = most
    for path in sorted(paths, key=lambda path: -sizes[path]):
        if batch and sizes[path] > room:
            yield batch
            batch, room = [], most
        batch.append(path)
        room -= sizes[path]
    yield batch


def _read(paths: Sequence[Path], order: _Order) -> Iterator[Series]:
    for path in paths:
        try:
            series = reader.read(path, order.source)
        except InputError as error:
            sys.stderr.write(f"{error}\n")
            continue
        yield labels.attach(series, order.labels, order.source) if order.labels else series


def _replay(series: Sequence[Series], order: _Order) -> list[list[Replay]]:
    progress = Progress("scoring", sys.stderr)
    done = replay(series, order.rule, list(order.sensitivities.values()), progress)
    progress.close()
    return done


def _folder(order: _Order, word: str) -> Path:
    """Return where the files go: with several sensitivities, a folder for each."""
    return order.out if len(order.sensitivities) == 1 else order.out / word


def _put(replays: Sequence[Replay], folder: Path) -> list[Line]:
    for one in replays:
        write(one, folder / one.series.name)
    return [summary.line(one) for one in replays]


def _print(lines: dict[str, list[Line]]) -> None:
    totals = []
    for word, some in lines.items():
        total = summary.together(some, "all")
        body = sorted(some, key=lambda one: one.name)
        heading = f"sensitivity {word}\n" if len(lines) > 1 else ""
        sys.stdout.write(heading + summary.table([*body, *([total] if len(body) > 1 else [])]))
        totals.append(summary.together(some, word))
    if len(lines) > 1:
        sys.stdout.write(summary.table(totals))
