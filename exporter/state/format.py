"""The file of learned state: a line with the version, records, and a digest of all before it.

A record is a line of JSON, with the length of what follows it, and raw bytes. The first one says
the layout, and type and shape of each array; each further one holds some series with their rows,
or what something else has learned.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from exporter.model import SeriesKey

VERSION = 1
_NAME = b"tocsin-exporter-state"
_DIGEST = 32
_CHUNK = 1 << 20
_LONGEST_LINE = 64 << 20
"""Beyond it a line is no header of ours; 4096 series with 16 kB of labels each stay below."""
Arrays = Mapping[str, NDArray[Any]]
"""By name; the last axis of each is the series."""


class UnusableError(Exception):
    """A file that cannot be used; `reason` is one word for a metric, the message is for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Shape:
    """How one array lies in a record: its numpy type, and its axes but the last one."""

    dtype: str
    axes: tuple[int, ...]

    @property
    def row_size(self) -> int:
        """How many bytes it has for one series."""
        return np.dtype(self.dtype).itemsize * math.prod(self.axes)

    def read(self, payload: memoryview, series: int) -> tuple[NDArray[Any], memoryview]:
        """Cut this array for so many series off the payload; returns it and the rest."""
        return _cut(payload, self.dtype, (*self.axes, series))


@dataclass(frozen=True, slots=True)
class Head:
    """What a file holds: the layout names what the arrays mean."""

    layout: str
    shapes: dict[str, Shape]

    @classmethod
    def of(cls, layout: str, arrays: Arrays) -> "Head":
        """Describe arrays as they will be written."""
        return cls(layout, {k: Shape(a.dtype.str, a.shape[:-1]) for k, a in arrays.items()})

    @property
    def row_size(self) -> int:
        """How many bytes the arrays have for one series."""
        return sum(one.row_size for one in self.shapes.values())

    def takes(self, other: "Head") -> bool:
        """Whether arrays like these may be filled from the other's; other precision is no harm.

        What the other lacks is of an earlier version, and begins anew.
        """
        mine, theirs = (
            {name: (np.dtype(shape.dtype).kind, shape.axes) for name, shape in head.shapes.items()}
            for head in (self, other)
        )
        return self.layout == other.layout and theirs.items() <= mine.items()


@dataclass(frozen=True, slots=True)
class Rows:
    """Some series, when each was last there in seconds since 1970, and what was learned of them."""

    keys: tuple[SeriesKey, ...]
    seen: tuple[float, ...]
    arrays: Arrays


@dataclass(frozen=True, slots=True)
class Part:
    """What something else has learned: arrays of any shape, and what JSON can hold beside them."""

    name: str
    arrays: Arrays
    meta: Mapping[str, Any]


class Writer:
    """Writes one file; `finish` makes it valid."""

    def __init__(self, file: BinaryIO, head: Head) -> None:
        self._file = file
        self._digest = hashlib.blake2b(digest_size=_DIGEST)
        self.size = 0
        self._put(b"%s %d\n" % (_NAME, VERSION))
        self._record(asdict(head), b"")

    def rows(self, rows: Rows) -> None:
        """Add some series."""
        self._record({"keys": rows.keys, "seen": rows.seen}, _bytes(rows.arrays))

    def part(self, part: Part) -> None:
        """Add what something else has learned."""
        shapes = {name: (array.dtype.str, array.shape) for name, array in part.arrays.items()}
        header = {"part": part.name, "meta": part.meta, "shapes": shapes}
        self._record(header, _bytes(part.arrays))

    def finish(self) -> None:
        """End the file with its digest."""
        self.size += self._file.write(self._digest.digest())

    def _record(self, header: dict[str, Any], payload: bytes) -> None:
        self._put(json.dumps({**header, "bytes": len(payload)}).encode() + b"\n")
        self._put(payload)

    def _put(self, data: bytes) -> None:
        self._digest.update(data)
        self.size += self._file.write(data)


def _bytes(arrays: Arrays) -> bytes:
    return b"".join(np.ascontiguousarray(one).tobytes() for one in arrays.values())


def _cut(
    payload: memoryview, dtype: str, shape: tuple[int, ...]
) -> tuple[NDArray[Any], memoryview]:
    """Cut an array off the front of the payload; returns it and the rest."""
    size = np.dtype(dtype).itemsize * math.prod(shape)
    return np.frombuffer(payload[:size], np.dtype(dtype)).reshape(shape), payload[size:]


def read(file: BinaryIO, check: Callable[[Head], None]) -> Iterator[Rows | Part]:
    """Read what `Writer` wrote; raises UnusableError, also what `check` finds wrong.

    The whole file is checked first, so that nothing of a damaged one is used.
    """
    end = _check_version(file)
    try:
        head = _head(_header(file))
        check(head)
        while file.tell() < end:
            header = _header(file)
            payload = memoryview(file.read(header["bytes"]))
            yield _part(header, payload) if "part" in header else _rows(header, payload, head)
    except (KeyError, TypeError, ValueError) as error:
        raise UnusableError("damaged", f"its records make no sense: {error!r}") from error


def _check_version(file: BinaryIO) -> int:
    """Check version and digest; returns where the digest stands, and leaves the file at line 2."""
    name, _, version = file.readline(64).rstrip(b"\n").partition(b" ")
    start = file.tell()
    if name != _NAME:
        raise UnusableError("damaged", "it is no file of learned state")
    if version != b"%d" % VERSION:
        raise UnusableError("version", f"its version is {version.decode('ascii', 'replace')}")
    end = file.seek(-_DIGEST, 2) if file.seek(0, 2) >= _DIGEST + start else start
    digest = hashlib.blake2b(digest_size=_DIGEST)
    file.seek(0)
    while data := file.read(min(_CHUNK, end - file.tell())):
        digest.update(data)
    if file.read() != digest.digest():
        raise UnusableError("damaged", "its digest is wrong, so it was cut off or changed")
    file.seek(start)
    return end


def _header(file: BinaryIO) -> dict[str, Any]:
    header = json.loads(file.readline(_LONGEST_LINE))
    if not isinstance(header, dict):
        raise TypeError("a header is no mapping")
    return header


def _head(header: dict[str, Any]) -> Head:
    shapes = {
        name: Shape(shape["dtype"], tuple(shape["axes"]))
        for name, shape in header["shapes"].items()
    }
    return Head(header["layout"], shapes)


def _rows(header: dict[str, Any], payload: memoryview, head: Head) -> Rows:
    keys = tuple(
        SeriesKey(signal, tuple((name, value) for name, value in labels))
        for signal, labels in header["keys"]
    )
    arrays: dict[str, NDArray[Any]] = {}
    for name, shape in head.shapes.items():
        arrays[name], payload = shape.read(payload, len(keys))
    return Rows(keys, tuple(header["seen"]), arrays)


def _part(header: dict[str, Any], payload: memoryview) -> Part:
    arrays: dict[str, NDArray[Any]] = {}
    for name, (dtype, shape) in header["shapes"].items():
        arrays[name], payload = _cut(payload, dtype, tuple(shape))
    return Part(header["part"], arrays, header["meta"])
