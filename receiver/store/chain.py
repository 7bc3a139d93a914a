"""What holds the audit together: each row's hash is over the hash of the row before and itself.

This never changes: it would break every audit that there is.
"""

import hashlib
from collections.abc import Sequence

import orjson

Row = tuple[int, str, str, str, str]
"""Microseconds since 1970, who, action, subject, and detail."""


def link(before: str, row: Row | Sequence[object]) -> str:
    """Return the hash of a row that stands behind one of hash `before`, empty for the first."""
    return hashlib.sha256(before.encode() + b"\n" + orjson.dumps([*row])).hexdigest()
