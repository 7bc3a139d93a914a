"""`audit export` and `audit verify`: all that anybody did as lines, and whether it is whole."""

import argparse
import sys
from pathlib import Path

import orjson

from receiver import config
from receiver.intake.webhook import parse
from receiver.store.store import Store
from receiver.web.control import PIECE, write


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the others."""
    audit = commands.add_parser("audit", help="export who did what, or show that it is whole")
    what = audit.add_subparsers(dest="what", required=True)
    export = what.add_parser("export", help="write a line of JSON for each change, oldest first")
    verify = what.add_parser("verify", help="look whether each row follows from the one before")
    for each in (export, verify):
        each.add_argument("--config", type=Path, required=True, metavar="FILE")


async def run(arguments: argparse.Namespace) -> int:
    """Run the command beside the receiver; returns 1 where the audit is broken.

    Raises ConfigError, StoreUnavailableError, StoreVersionError and FileNotFoundError.
    """
    settings = config.load(arguments.config)
    async with Store.visit(settings.database, parse) as store:
        return await (_export if arguments.what == "export" else _verify)(store)


async def _export(store: Store) -> int:
    last = 0
    while found := await store.auditing.after(last, PIECE):
        sys.stdout.writelines(f"{orjson.dumps(write(each)).decode()}\n" for each in found)
        last = found[-1].id
    return 0


async def _verify(store: Store) -> int:
    found = await store.auditing.verify()
    if found.broken is None:
        sys.stdout.write(f"ok: {found.rows} rows, the last of hash {found.last or 'none'}\n")
        return 0
    sys.stdout.write(
        f"broken: row {found.broken} does not follow from the one before, after"
        f" {found.rows} that do\n"
    )
    return 1
