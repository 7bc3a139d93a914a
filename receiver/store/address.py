"""Where the store is, as the configuration names it: sqlite:///FILE or postgresql://..."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, SecretStr
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

_SQLITE = "sqlite:///"
_POSTGRESQL = "postgresql://"


def _check(url: str) -> str:
    if url.startswith(_SQLITE) and url != _SQLITE:
        return url
    if not url.startswith(_POSTGRESQL):
        scheme = url.partition(":")[0]
        problem = "write sqlite:///FILE or postgresql://USER@HOST/DATABASE"
        raise ValueError(f"{scheme!r} is not a store; {problem}")
    if _parts(url).password is not None:
        raise ValueError(
            "has a password; write that into a file and name it in store_password_file"
        )
    return url


def _parts(url: str) -> URL:
    """Read a PostgreSQL URL; an unreadable one is not repeated, as it may hold a password."""
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError):
        problem = "not a URL of PostgreSQL; write it like postgresql://tocsin@127.0.0.1:5432/tocsin"
        raise ValueError(problem) from None
    return parts.set(drivername="postgresql+psycopg")


StoreText = Annotated[str, AfterValidator(_check)]


def database_at(url: str, password: SecretStr | None) -> Path | URL:
    """Return a store's file, a relative one in TOCSIN_HOME, or where its PostgreSQL database is."""
    if url.startswith(_POSTGRESQL):
        return _parts(url).set(password=password.get_secret_value() if password else None)
    return Path(os.environ.get("TOCSIN_HOME", ".tocsin"), url.removeprefix(_SQLITE))
