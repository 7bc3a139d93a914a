"""`store backup`: a copy of the store that can be put in its place, made while receivers run."""

import argparse
import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL

from receiver import config
from receiver.store.schema import StoreUnavailableError

_PATIENCE = 60.0
"""Seconds to wait for the server, and for whoever has locked a table."""
_MINE = 0o600
"""Alerts are nobody else's business, nor are the keys that a store may hold."""

_OWN = ("", "-wal", "-shm", "-journal", ".reserve", ".reserve.part")
"""What a store's files are called, beyond its own name."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the others."""
    store = commands.add_parser("store", help="copy what the receiver keeps")
    what = store.add_subparsers(dest="what", required=True)
    copy = what.add_parser("backup", help="write a copy, also while the receiver runs")
    copy.add_argument("--config", type=Path, required=True, metavar="FILE")
    copy.add_argument("to", type=Path, metavar="TO", help="a file; one of that name is replaced")


async def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns the exit status.

    Raises ConfigError, StoreUnavailableError, FileNotFoundError and other OSErrors.
    """
    settings = config.load(arguments.config)
    try:
        size = backup(settings.database, arguments.to)
    except FileExistsError as error:
        sys.stderr.write(f"{error.filename}: {error.strerror}\n")
        return 1
    sys.stdout.write(f"{arguments.to}: {size} bytes\n")
    return 0


def backup(database: Path | URL, target: Path) -> int:
    """Write a copy, and take its name only once it is whole; returns its bytes.

    Raises FileExistsError where that name is the store's own.
    """
    if target.is_dir() or not target.name:
        said = "a folder; name a file in it for the copy"
        raise FileExistsError(errno.EEXIST, said, str(target))
    part = target.with_name(f"{target.name}.part")
    if isinstance(database, Path) and (_is_of(database, target) or _is_of(database, part)):
        said = "the store is in it; name another file for the copy"
        raise FileExistsError(errno.EEXIST, said, str(target))
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, _MINE)) as file:
        try:
            if isinstance(database, URL):
                _dump(database, part)
            else:
                _copy(database, part)
            os.fsync(file)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    return target.stat().st_size


def _is_of(database: Path, target: Path) -> bool:
    """Whether a file is one of those that a store is in, by whatever name."""
    own = [database.with_name(database.name + end) for end in _OWN]
    return any(
        target.resolve() == each.resolve()
        or (target.exists() and each.exists() and target.samefile(each))
        for each in own
    )


def _copy(database: Path, part: Path) -> None:
    """Copy one moment of an SQLite file, without its holes, and look whether the copy is sound."""
    source = f"{database.resolve(strict=True).as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(source, timeout=_PATIENCE, uri=True)) as raw:
            raw.execute("VACUUM INTO ?", [str(part)])
        with closing(sqlite3.connect(part)) as raw:
            (found,) = raw.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        raise StoreUnavailableError(f"it could not be copied: {error}") from error
    if found != "ok":
        raise StoreUnavailableError(f"its copy is damaged: {found}")


def _dump(database: URL, part: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        problem = "pg_dump is not installed; on Debian it is in postgresql-client"
        raise StoreUnavailableError(problem)
    settings = {"PGCONNECT_TIMEOUT": f"{_PATIENCE:.0f}"}
    if database.password:
        settings["PGPASSWORD"] = str(database.password)
    where = database.set(drivername="postgresql")._replace(password=None)
    done = subprocess.run(  # noqa: S603 -- an address of the configuration, and no shell
        [
            program,
            "--format=custom",
            "--no-password",
            f"--lock-wait-timeout={_PATIENCE * 1000:.0f}",
            f"--file={part}",
            f"--dbname={where}",
        ],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StoreUnavailableError(" ".join(done.stderr.split()))
