"""The command `backtest`: read, replay, write, sum up."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from exporter.backtest import labels, picture, remote, summary, tree
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
    broken, labelled = 0, 0
    for batch in _batches(asked):
        series = [_labelled(one, asked) for one in batch if isinstance(one, Series)]
        for problem in batch:
            if isinstance(problem, InputError):
                broken += 1
                sys.stderr.write(f"{problem}\n")
        labelled += sum(one.windows is not None for one in series)
        for word, replays in zip(lines, _replay(series, asked), strict=True):
            lines[word] += _put(replays, asked, word)
    if asked.labels and not labelled:
        sys.stderr.write("the labels name none of these files; name them by their path\n")
    sys.stdout.write(summary.report(lines))
    return 1 if broken or (asked.labels and not labelled) else 0


def _batches(asked: Order) -> Iterator[tree.Batch]:
    """Read what is to be replayed, as much at a time as memory takes."""
    share = len(asked.sensitivities)
    progress = Progress("reading", sys.stderr)
    if isinstance(asked.source, Path):
        paths = tree.find(asked.source)
        yield from tree.load(asked.source, paths, _BATCH_BYTES // share, progress)
    else:
        most = _MOST_VALUES // share
        source = asked.source
        yield [*remote.fetch(source.connection, source.query, source.span, most, progress)]


def _labelled(series: Series, asked: Order) -> Series:
    if not asked.labels:
        return series
    root = asked.source if isinstance(asked.source, Path) else Path()
    return labels.attach(series, asked.labels, root)


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
