"""Files: who may read secrets, who may write the configuration, and the store."""

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from receiver.config import Config
from receiver.doctor.finding import Finding, fail, ok, warn
from receiver.intake.webhook import parse
from receiver.store.migrations import StoreVersionError
from receiver.store.schema import StoreUnavailableError
from receiver.store.store import Store

_PUBLIC = {"ca_file", "client_ca_file", "certificate_file"}
_OTHERS_READ = stat.S_IRGRP | stat.S_IROTH
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_OTHERS_ENTER = stat.S_IXGRP | stat.S_IXOTH


def secret_paths(part: Any, folder: Path) -> Iterator[Path]:
    """Yield the files of secrets that a part of the configuration's document names."""
    if isinstance(part, Mapping):
        for key, value in part.items():
            named = key == "file" or str(key).endswith("_file")
            if named and isinstance(value, str):
                if key not in _PUBLIC and not value.startswith("env:"):
                    yield folder / value
            else:
                yield from secret_paths(value, folder)
    elif isinstance(part, list):
        for inner in part:
            yield from secret_paths(inner, folder)


def check_permissions(document: Mapping[str, Any], path: Path) -> Iterator[Finding]:
    """Look who else may read the secrets or write the configuration."""
    if path.stat().st_mode & _OTHERS_WRITE:
        yield fail(str(path), "others may change it; chmod go-w")
    secrets = sorted(set(secret_paths(document, path.parent)))
    loose = [one for one in secrets if one.stat().st_mode & _OTHERS_READ]
    for one in loose:
        yield warn(str(one), f"others may read it (mode {one.stat().st_mode & 0o777:o}); chmod 600")
    if secrets and not loose:
        yield ok("secrets", f"{len(secrets)} files that nobody else may read")


def _check_privacy(database: Path | URL) -> Iterator[Finding]:
    """Look who else may read the files of a store, where a folder does not keep them out."""
    if not isinstance(database, Path) or not database.parent.stat().st_mode & _OTHERS_ENTER:
        return
    for path in (database.with_name(database.name + end) for end in ("", "-wal", "-shm")):
        if path.exists() and (mode := path.stat().st_mode) & (_OTHERS_READ | _OTHERS_WRITE):
            yield warn(str(path), f"others may read it (mode {mode & 0o777:o}); chmod 600")


async def check_store(config: Config) -> list[Finding]:
    """Open the store beside a receiver that may run, and write to it."""
    database = config.database
    where = database if isinstance(database, Path) else database.render_as_string()
    subject = f"store {where}"
    try:
        async with Store.visit(database, parse) as store:
            await store.probe()
            damaged = await store.damaged()
            dead = [q for q in await store.queues() if q.channel not in config.channels]
    except FileNotFoundError:
        return [ok(subject, "not there yet; the first start makes it")]
    except StoreVersionError as error:
        return [fail(subject, f"{error}; install the newer Tocsin again")]
    except StoreUnavailableError as error:
        return [fail(subject, f"{error}; stop what holds it, or check server, disk and rights")]
    found = [ok(subject, "can be read and written"), *_check_privacy(database)]
    if damaged:
        found.append(warn(subject, f"{damaged} damaged files stand beside it; see README"))
    found += [
        warn(subject, f"{q.owed} messages are owed to {q.channel}, which is gone") for q in dead
    ]
    return found
