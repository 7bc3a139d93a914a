"""Fetches history from a Prometheus, as series that can be replayed."""

import asyncio
import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath

import numpy as np

from exporter.backtest.series import InputError, Series
from exporter.model import FloatArray
from exporter.prometheus.answers import Answer, parse
from exporter.prometheus.client import Prometheus, QueryError
from exporter.prometheus.connection import Connection
from exporter.prometheus.span import Span

_POINTS = 2000
"""Of each series in one answer; Prometheus refuses more than 11,000."""
_MOST_BYTES = 1 << 28
_LONGEST_NAME = 100


def cover(start: float, end: float, step: float) -> Span:
    """Return the moments from `start` on, `step` apart, up to `end`; all in seconds."""
    return Span(start, step, math.floor((end - start) / step + 1e-9) + 1)


def parts(span: Span) -> list[Span]:
    """Cut it into spans that a Prometheus answers."""
    firsts = range(0, span.count, _POINTS)
    return [
        Span(span.start + i * span.step, span.step, min(_POINTS, span.count - i)) for i in firsts
    ]


def fetch(
    connection: Connection, query: str, span: Span, most: int, progress: Callable[[float], None]
) -> list[Series]:
    """Fetch at most `most` values; raises InputError with the remedy."""
    answers = asyncio.run(_ask(Prometheus(connection), query, span, most, progress))
    points = _join(answers)
    if not points:
        raise InputError(f"no value of {query!r} in that time; check query, start and end")
    names = file_names(sorted(points))
    return [_series(names[labels], *points[labels]) for labels in sorted(points)]


async def _ask(
    prometheus: Prometheus, query: str, span: Span, most: int, progress: Callable[[float], None]
) -> list[Answer]:
    """Ask for one part after the other, so that too much is noticed early."""
    answers: list[Answer] = []
    spans = parts(span)
    for i, part in enumerate(spans):
        progress(i / len(spans))
        try:
            body = await prometheus.query_range(query, part, _MOST_BYTES)
            answers.append(parse(body))
        except QueryError as error:
            raise InputError(f"Prometheus: {error}") from error
        if sum(len(answer.values) for answer in answers) > most:
            raise InputError(
                f"more than {most} values; choose fewer series, a shorter time or a larger --step"
            )
    return answers


def _join(answers: Sequence[Answer]) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Return times and values of each series by its name as PromQL writes it."""
    pieces: dict[str, list[tuple[FloatArray, FloatArray]]] = {}
    for answer in answers:
        ends = np.cumsum(answer.counts)
        for labels, count, end in zip(answer.labels, answer.counts, ends, strict=True):
            at = slice(end - count, end)
            piece = answer.times[at], answer.values[at]
            pieces.setdefault(_spell(json.loads(labels)), []).append(piece)
    return {
        labels: (np.concatenate([t for t, _ in some]), np.concatenate([v for _, v in some]))
        for labels, some in pieces.items()
    }


def _spell(labels: Mapping[str, str]) -> str:
    pairs = (f"{name}={json.dumps(labels[name])}" for name in sorted(labels) if name != "__name__")
    return f"{labels.get('__name__', '')}{{{', '.join(pairs)}}}"


def file_names(series: Sequence[str]) -> dict[str, PurePosixPath]:
    """Give each series a file name of letters, digits and `._-`; no two differ by case alone."""
    names: dict[str, PurePosixPath] = {}
    taken: set[str] = set()
    for one in series:
        plain = re.sub(r"[^A-Za-z0-9.-]+", "_", one).strip("._-") or "series"
        if len(plain) > _LONGEST_NAME or plain.lower() in taken:
            plain = f"{plain[:_LONGEST_NAME]}_{hashlib.sha256(one.encode()).hexdigest()[:10]}"
        taken.add(plain.lower())
        names[one] = PurePosixPath(f"{plain}.csv")
    return names


def _series(name: PurePosixPath, times: FloatArray, values: FloatArray) -> Series:
    stamps = np.datetime_as_string(np.round(times * 1000).astype("datetime64[ms]"))
    cells = ("" if math.isnan(value) else repr(value) for value in values.tolist())
    rows = (f"{stamp}Z,{cell}" for stamp, cell in zip(stamps, cells, strict=True))
    return Series(name, times, values, "\n".join(rows).replace(".000Z", "Z"))
