"""Reading the kernel's text files, and parsing them line by line."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TypeVar

from exporter.model import NoData

_PIECE = 16384
_T = TypeVar("_T")


def read_bytes(path: str) -> bytes:
    """Read a whole file; raises NoData where it does not exist, OSError where it fails.

    The kernel hands out files like /proc/diskstats about a page at a time, whatever size was
    asked for (seq_file), so only an empty read is the end.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError as error:
        raise NoData(f"{path} does not exist") from error
    pieces = []
    try:
        while piece := os.read(descriptor, _PIECE):
            pieces.append(piece)
    finally:
        os.close(descriptor)
    return b"".join(pieces)


def read_text(path: str) -> str:
    """Like `read_bytes`; bytes that are not UTF-8 become U+FFFD, as labels need."""
    return read_bytes(path).decode("utf-8", "replace")


def read_first(*candidates: str) -> bytes:
    """Read the first of the files that can be read; what the last one raises is raised."""
    for path in candidates[:-1]:
        with suppress(OSError, NoData):
            return read_bytes(path)
    return read_bytes(candidates[-1])


def each_line(name: str, text: str, parse: Callable[[str], Iterable[_T]]) -> Iterator[_T]:
    """Parse line by line; a ValueError of `parse` is raised again with the file and the line.

    Only a newline ends a line (a mount point may hold U+2028), and blank ones are passed over.
    """
    for number, line in enumerate(text.split("\n"), 1):
        try:
            if line:
                yield from parse(line)
        except ValueError as error:
            raise ValueError(f"{name}: line {number}: {line!r}: {error}") from error
