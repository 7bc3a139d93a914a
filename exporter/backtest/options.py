"""What the command line of `backtest` takes, and what it means."""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from exporter.backtest import labels
from exporter.backtest.reader import parse_time
from exporter.backtest.remote import cover
from exporter.backtest.series import InputError
from exporter.config import load
from exporter.detectors.scoring import Rule
from exporter.prometheus.connection import Connection
from exporter.prometheus.span import Span
from exporter.settings import describe, parse_duration, parse_sensitivity

_DEADLINE = 60.0
"""Seconds for an answer: nobody waits for a tick."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A Prometheus, and what to ask it for."""

    connection: Connection
    query: str
    span: Span


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for; `sensitivities` by the words in which they were given."""

    source: Path | Remote
    out: Path
    labels: labels.Labels | None
    sensitivities: dict[str, float]
    rule: Rule
    pictures: bool

    def folder(self, word: str) -> Path:
        """Return where files go: with several sensitivities, a folder for each."""
        visible = f"0{word}" if word.startswith(".") else word
        return self.out if len(self.sensitivities) == 1 else self.out / visible


def _sensitivities(text: str) -> dict[str, float]:
    words = [word.strip() for word in text.split(",")]
    return {word: parse_sensitivity(_number(word)) for word in words}


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _moment(text: str) -> float:
    """Read a time as a CSV has it, `now`, or how long ago it was."""
    if text == "now":
        return time.time()
    try:
        return time.time() - parse_duration(text)
    except ValueError:
        return parse_time(text)


_SPAN = {"start": (_moment, "7d"), "end": (_moment, "now"), "step": (parse_duration, "1m")}
"""What part of Prometheus' history is taken: how each option is read, and what it is else."""


def _said(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Let argparse say what a reader says; it keeps a ValueError's words to itself."""

    def reading(text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return reading


def declare(command: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument("--csv", type=Path, metavar="IN", help="a file timestamp,value or a folder")
    source.add_argument("--prometheus", metavar="URL", help="take the history of --query from here")
    command.add_argument("--query", metavar="PROMQL")
    for name, (read, default) in _SPAN.items():
        command.add_argument(
            f"--{name}", type=_said(read), metavar="TIME", help=f"by default {default}"
        )
    command.add_argument("--config", type=Path, metavar="FILE", help="its `prometheus` lets us in")
    command.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    command.add_argument(
        "--labels", type=Path, metavar="FILE", help="file,start,end, or NAB's JSON"
    )
    command.add_argument(
        "--sensitivity",
        type=_said(_sensitivities),
        default="medium",
        metavar="S,...",
        help="low, medium, high or false alarms a week; several are compared",
    )
    command.add_argument("--no-pictures", dest="pictures", action="store_false")
    for name, default in (("grace", "1h"), ("hold", "5m")):
        command.add_argument(f"--{name}", type=_said(parse_duration), default=default)


def order(arguments: argparse.Namespace) -> Order:
    """Make sense of the arguments; raises InputError, or ConfigError for a configuration."""
    rule = Rule(60.0, arguments.grace, arguments.hold)  # a replay puts in the step of each series
    known = labels.load(arguments.labels) if arguments.labels else None
    source = _remote(arguments) if arguments.prometheus else _folder(arguments)
    words = arguments.sensitivity
    return Order(source, arguments.out, known, words, rule, arguments.pictures)


def _folder(arguments: argparse.Namespace) -> Path:
    source: Path = arguments.csv
    asked = [name for name in ("query", *_SPAN, "config") if getattr(arguments, name) is not None]
    if asked:
        options = ", ".join(f"--{name}" for name in asked)
        raise InputError(f"of use with --prometheus only: {options}; leave out, or ask it")
    if source.resolve() in (arguments.out.resolve(), *arguments.out.resolve().parents):
        raise InputError(f"--out {arguments.out} is within --csv {source}; choose another folder")
    return source


def _remote(arguments: argparse.Namespace) -> Remote:
    if not arguments.query:
        raise InputError("--prometheus needs --query; give a PromQL expression")
    given = ((getattr(arguments, name), *usual) for name, usual in _SPAN.items())
    start, end, step = (read(usual) if one is None else one for one, read, usual in given)
    if end < start or step <= 0:
        raise InputError("--end is before --start, or --step is not above 0; correct them")
    known = load(arguments.config).prometheus if arguments.config else None
    try:
        asked = Connection.model_validate({"url": arguments.prometheus})
    except ValidationError as error:
        raise InputError("\n".join(describe(Path("--prometheus"), error, Connection))) from error
    update = {"url": asked.url, "deadline": _DEADLINE}
    connection = (known or asked).model_copy(update=update)
    span = cover(start, end, step)
    return Remote(connection, arguments.query, span)
