"""The command `backtest`: read, replay, write, sum up."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from exporter.backtest import advice, labels, picture, remote, summary, tree
from exporter.backtest.options import Order, declare, order
from exporter.backtest.progress import Progress
from exporter.backtest.run import Replay, replay
from exporter.backtest.series import InputError, Series
from exporter.backtest.summary import Line
from exporter.backtest.writer import write
from exporter.detectors.scoring import SPEAKERS

_BATCH_BYTES = 96 << 20
"""Of CSV that is replayed at once; it takes about six times that in memory."""
_MOST_VALUES = 4_000_000
"""Of history, which is replayed at once, too."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to a parser's; its `run` returns the exit status."""
    what = "score the past as the server would have, without looking ahead"
    command = commands.add_parser("backtest", help=what, description=what)
    command.set_defaults(run=_run, log_level="warning")
    declare(command)


def _run(arguments: argparse.Namespace) -> int:
    """Do it; returns 1 where something was wrong, even if the rest could be done."""
    try:
        return _do(order(arguments))
    except InputError as error:
        sys.stderr.write(f"{error}\n")
    except OSError as error:
        sys.stderr.write(f"{error.filename}: {error.strerror}; choose another --out\n")
    return 1


def _do(asked: Order) -> int:
    if asked.pictures:
        picture.check()
    lines: dict[str, list[Line]] = {word: [] for word in asked.sensitivities}
    broken, used, advised = 0, set[PurePosixPath](), list[tuple[str, str]]()
    for batch in _batches(asked):
        series = [_labelled(one, asked, used) for one in batch if isinstance(one, Series)]
        for problem in batch:
            if isinstance(problem, InputError):
                broken += 1
                sys.stderr.write(f"{problem}\n")
        several = _replay(series, asked)
        advised += advice.of(several[0], asked.rule)
        for word, replays in zip(lines, several, strict=True):
            lines[word] += _put(replays, asked, word)
    said = advice.sentences(advised)
    said += advice.unused(asked.labels or {}, used)
    sys.stderr.writelines(f"{sentence}\n" for sentence in said)
    sys.stdout.write(summary.report(lines))
    return 1 if broken or (asked.labels and not used) else 0


def _batches(asked: Order) -> Iterator[tree.Batch]:
    """Read what is to be replayed, as much at a time as memory takes."""
    share, source = len(asked.sensitivities), asked.source
    with Progress("reading", sys.stderr) as progress:
        if isinstance(source, Path):
            yield from tree.load(source, tree.find(source), _BATCH_BYTES // share, progress)
        else:
            most = _MOST_VALUES // share
            yield [*remote.fetch(source.connection, source.query, source.span, most, progress)]


def _labelled(series: Series, asked: Order, used: set[PurePosixPath]) -> Series:
    """Give a series the windows of its labels, and note which those were.

    Labels say nothing of a file that they do not name, so that it is left out of precision.
    """
    root = asked.source if isinstance(asked.source, Path) else Path()
    known = asked.labels or {}
    file = labels.entry(series, known, root)
    if file is None:
        return series
    used.add(file)
    return replace(series, windows=known[file])


def _replay(series: Sequence[Series], asked: Order) -> list[list[Replay]]:
    with Progress("scoring", sys.stderr) as progress:
        return replay(series, asked.rule, list(asked.sensitivities.values()), progress)


def _put(replays: Sequence[Replay], asked: Order, word: str) -> list[Line]:
    """Write files and pictures, and sum up."""
    with Progress("writing", sys.stderr) as progress:
        for i, one in enumerate(replays):
            progress(i / len(replays))
            path = asked.folder(word) / one.series.name
            write(one, path)
            if asked.pictures:
                picture.draw(one, SPEAKERS, path.with_suffix(".png"))
    return [summary.line(one) for one in replays]
