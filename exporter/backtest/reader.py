"""Reads CSV files with the columns `timestamp` and `value`, and `label` where there is one."""

import csv
import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path, PurePosixPath

import numpy as np

from exporter.backtest.series import InputError, Series, Window
from exporter.model import FloatArray

_MISSING = frozenset({"", "nan", "null", "none", "na", "n/a"})
_LATEST = 1e11
"""Seconds since 1970 up to the year 5138: whatever is larger is counted in another unit."""
_TRUE, _FALSE = frozenset({"1", "1.0", "true"}), frozenset({"0", "0.0", "false", ""})
_Row = tuple[float, float, bool, str]


def read(path: Path, root: Path) -> Series:
    """Read one file; raises InputError with file, line and remedy."""
    name = PurePosixPath(path.name if path == root else path.relative_to(root).as_posix())
    times, values, labels, texts = array("d"), array("d"), array("b"), []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = [cell.strip().lower() for cell in next(reader, [])]
            for time, value, label, text in _rows(reader, header):
                times.append(time)
                values.append(value)
                labels.append(label)
                texts.append(text)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8: {error.reason}; save it as UTF-8") from error
    except (ValueError, csv.Error) as error:
        raise InputError(f"{path}: line {max(reader.line_num, 1)}: {error}") from error
    moments = np.array(times, float)
    windows = spans(moments, labels) if "label" in header else None
    return Series(name, moments, np.array(values, float), "\n".join(texts), windows)


def _rows(reader: Iterable[list[str]], header: Sequence[str]) -> Iterator[_Row]:
    """Yield the time, the value, whether it is labelled, and the text of each row."""
    for column in ("timestamp", "value"):
        if column not in header:
            raise ValueError(f"no column {column!r}; begin the file with: timestamp,value")
    stamp, cell = header.index("timestamp"), header.index("value")
    label = header.index("label") if "label" in header else None
    for row in reader:
        if not row:
            continue
        if len(row) != len(header):
            raise ValueError(
                f"{len(row)} cells, where the header has {len(header)}; complete the line"
            )
        text = f"{row[stamp]},{row[cell]}"
        if text.count(",") > 1 or '"' in text or "\n" in text or "\r" in text:
            raise ValueError(f"{text!r} holds a comma, a quote or a line end; write it plainly")
        marked = label is not None and _mark(row[label])
        yield parse_time(row[stamp]), _number(row[cell]), marked, text


def parse_time(text: str) -> float:
    """Read ISO 8601, in UTC where no zone is told, or seconds since 1970; returns the latter."""
    try:
        seconds = float(text)
    except ValueError:
        return _moment(text)
    if not abs(seconds) < _LATEST:
        raise ValueError(
            f"timestamp {text!r} is no number of seconds since 1970; "
            "are these milliseconds? Divide them by 1000"
        )
    return seconds


def _moment(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ValueError(
            f"not a timestamp: {text!r}; write it like 2026-01-31T23:59:00Z, or seconds since 1970"
        ) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        if text.strip().lower() in _MISSING:
            return math.nan
        raise ValueError(
            f"not a number: {text!r}; write it like 12.5, and nothing where a value is missing"
        ) from error


def _mark(text: str) -> bool:
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(f"not a label: {text!r}; write 1 for an anomaly, else 0")
    return word in _TRUE


def spans(times: FloatArray, labels: Iterable[int]) -> tuple[Window, ...]:
    """Join neighbouring rows that are labelled into windows."""
    runs = groupby(zip(times.tolist(), labels, strict=True), key=lambda row: bool(row[1]))
    joined = ([time for time, _ in run] for marked, run in runs if marked)
    return tuple((min(run), max(run)) for run in joined)
