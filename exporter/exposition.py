"""Samples and columns to Prometheus' text format, version 0.0.4."""

import asyncio
import zlib
from collections.abc import Iterable, Iterator
from itertools import compress

import numpy as np

from exporter.model import Column, FloatArray, Metric, Sample, label_text

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus 3 refuses a page whose type is not spelled like this."""

_NOT_FINITE = {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}
_HELP_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n"})


_GZIP = (1, zlib.DEFLATED, 31)
"""Level 1, which takes a tenth of level 9's time for half as much again in bytes."""
_AT_ONCE = 4096
"""Lines of a column that are rendered in one go: as text they take less than a megabyte."""


class Page:
    """Packs pages with gzip.

    The columns' part is kept, a fourteenth of their text, so that all scrapes of a tick together
    cost little more than one. The text is never there as a whole.
    """

    def __init__(self) -> None:
        self._columns: tuple[Column, ...] | None = None
        self._packed: list[bytes] = []
        self._open = zlib.compressobj(*_GZIP)
        self._turn = asyncio.Lock()

    async def render(
        self, samples: Iterable[Sample], columns: tuple[Column, ...]
    ) -> tuple[bytes, ...]:
        """Return the parts of a page: one gzip stream, the columns before the samples."""
        async with self._turn:
            if columns is not self._columns:
                await self._pack(columns)
            packed, rest = tuple(self._packed), self._open.copy()
        text = _samples(samples, columns).encode()
        return (*packed, rest.compress(text) + rest.flush())

    async def _pack(self, columns: tuple[Column, ...]) -> None:
        """Pack columns into a stream that stays open; others may run between its parts."""
        self._columns, self._packed, self._open = None, [], zlib.compressobj(*_GZIP)
        for text in _columns(columns):
            if part := self._open.compress(text):
                self._packed.append(part)
                await asyncio.sleep(0)
        self._columns = columns


def unpack(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Return the text of a page that is packed with gzip, part by part."""
    unpacking = zlib.decompressobj(_GZIP[-1])
    return map(unpacking.decompress, parts)


def render(samples: Iterable[Sample], columns: tuple[Column, ...]) -> Iterator[bytes]:
    """Render a page as text, part by part: first the columns, then the samples.

    Families stand in the order of their names; of equal series the first one stands.
    """
    yield from _columns(columns)
    yield _samples(samples, columns).encode()


def number(value: float) -> str:
    """Spell a value as Go's parser reads it."""
    text = repr(float(value)).removesuffix(".0")
    return _NOT_FINITE.get(text, text)


def _samples(samples: Iterable[Sample], columns: tuple[Column, ...]) -> str:
    """Render samples, but for families that are columns."""
    names = {column.metric.name for column in columns}
    return "".join(text for name, text in _families(samples) if name not in names)


def _families(samples: Iterable[Sample]) -> Iterator[tuple[str, str]]:
    """Group samples by family. The first sample of a name says its help and type.

    Two collectors may give the same series, or the same name with other help: Prometheus
    refuses a page that repeats a family, and drops a series that is there twice.
    """
    families: dict[str, tuple[Metric, dict[str, float]]] = {}
    for metric, labels, value in samples:
        _, series = families.setdefault(metric.name, (metric, {}))
        series.setdefault(label_text(metric.labels, labels), value)
    for name, (metric, series) in sorted(families.items()):
        lines = (_line(name, labels, value) for labels, value in series.items())
        yield name, _head(metric) + "".join(lines)


def _columns(columns: tuple[Column, ...]) -> Iterator[bytes]:
    for _, column in sorted({column.metric.name: column for column in columns}.items()):
        yield from _column(column)


def _column(column: Column) -> Iterator[bytes]:
    """Render a column. There may be a million lines on a page, so none costs a call of ours."""
    name, head = column.metric.name, _head(column.metric)
    for start in range(0, len(column.labels), _AT_ONCE):
        values = column.values[start : start + _AT_ONCE]
        there = ~np.isnan(values)
        if there.any():
            labels = compress(column.labels[start : start + _AT_ONCE], there.tolist())
            pairs = zip(labels, _numbers(values[there], column.digits), strict=True)
            lines = "".join([f"{name}{{{labels}}} {text}\n" for labels, text in pairs])
            yield (head + lines).encode()
            head = ""


def _numbers(values: FloatArray, digits: int | None) -> list[str]:
    """Spell values, all digits of them or so many at most."""
    if digits is None:
        texts = [text.removesuffix(".0") for text in map(repr, values.tolist())]
    else:
        texts = list(map(f"%.{digits}g".__mod__, values.tolist()))
    return [_NOT_FINITE.get(text, text) for text in texts] if np.isinf(values).any() else texts


def _head(metric: Metric) -> str:
    help_text = metric.help.translate(_HELP_ESCAPES)
    return f"# HELP {metric.name} {help_text}\n# TYPE {metric.name} {metric.kind}\n"


def _line(name: str, labels: str, value: float) -> str:
    return f"{name}{{{labels}}} {number(value)}\n" if labels else f"{name} {number(value)}\n"
