"""What goes between the serving process and the worker: arrays, each bundle with its length."""

import io
import struct
import zipfile

import numpy as np

from exporter.fitted.contract import Arrays

HEAD = struct.Struct("!I")
LARGEST = 2**26
"""Bytes of a bundle; a forest, the largest, takes a fiftieth of it."""


def pack(arrays: Arrays) -> bytes:
    """Spell arrays as an npz archive behind its length."""
    body = io.BytesIO()
    np.savez(body, **arrays)  # type: ignore[arg-type] # its stubs fear a name that is an option
    return HEAD.pack(body.tell()) + body.getvalue()


def length(head: bytes) -> int:
    """Return how many bytes follow; raises ValueError where it cannot be."""
    (size,) = HEAD.unpack(head)
    if size > LARGEST:
        raise ValueError(f"a bundle of {size} bytes")
    return int(size)


def unpack(body: bytes) -> Arrays:
    """Read an archive, in which nothing is code; raises ValueError where it is none."""
    try:
        with np.load(io.BytesIO(body), allow_pickle=False) as archive:
            return dict(archive)
    except (zipfile.BadZipFile, EOFError, OSError, AttributeError) as error:
        raise ValueError(f"not arrays: {error}") from error
