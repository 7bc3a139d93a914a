"""`report`: the newest report of a day or a week, as text."""

import argparse
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import aiohttp

from receiver import config
from receiver.drill import visit
from receiver.model import ConfigError, Language
from receiver.reports.due import KINDS
from receiver.reports.facts import Report
from receiver.reports.reporting import Reporting
from receiver.reports.wording import Writer


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the others."""
    report = commands.add_parser("report", help="print the report of the last day or week")
    report.add_argument("kind", choices=KINDS)
    report.add_argument("--config", type=Path, required=True, metavar="FILE")
    report.add_argument("--language", type=Language, choices=list(Language))


async def run(arguments: argparse.Namespace, client: Callable[[], aiohttp.ClientSession]) -> int:
    """Print it; raises ConfigError, StoreUnavailableError and StoreVersionError."""
    settings = config.load(arguments.config)
    zone = ZoneInfo(settings.timezone)
    async with visit(settings) as store, client() as http:
        if store is None:
            raise ConfigError([f"{settings.database}: there is no store yet; serve makes it"])
        reporting = Reporting(store, settings.reports, zone, http, settings.prometheus)
        made = await reporting.report(arguments.kind, datetime.now(UTC))
    writer = Writer(arguments.language or settings.language, zone)
    sys.stdout.writelines(_lines(writer, made))
    return 0


def _lines(writer: Writer, report: Report) -> Iterator[str]:
    yield f"{writer.title(report)}  {writer.span(report)}\n"
    for chapter in writer.chapters(report):
        yield f"\n{chapter.title}\n"
        yield from (f"  {line}\n" for line in chapter.lines)
