"""Labels: when anomalies really were, and how well alarms meet them."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from exporter.backtest.reader import parse_time
from exporter.backtest.run import Replay
from exporter.backtest.series import InputError, Series, Window

Labels = Mapping[PurePosixPath, tuple[Window, ...]]
_SHAPE = "give lines of file,start,end or JSON like {file: [[start, end], ...]}"


@dataclass(frozen=True, slots=True)
class Marks:
    """How alarms met labels.

    A window is found if an alarm was raised within it, and an alarm is right if it was raised
    within a window. Windows that ended before the first score are not counted.
    """

    windows: int
    alarms: int
    right: int
    delays: tuple[float, ...]
    """Of each window that was found, seconds from its start to its first alarm."""

    @property
    def precision(self) -> float:
        """What part of the alarms was right; NaN where there was no alarm."""
        return self.right / self.alarms if self.alarms else float("nan")

    @property
    def recall(self) -> float:
        """What part of the windows was found; NaN where there was no window."""
        return len(self.delays) / self.windows if self.windows else float("nan")

    @property
    def delay(self) -> float:
        """The median delay in seconds, NaN where nothing was found."""
        return float(np.median(self.delays)) if self.delays else float("nan")

    @classmethod
    def sum(cls, several: Sequence["Marks"]) -> "Marks":
        """Take several series as one."""
        delays = tuple(delay for marks in several for delay in marks.delays)
        windows = sum(marks.windows for marks in several)
        alarms = sum(marks.alarms for marks in several)
        return cls(windows, alarms, sum(marks.right for marks in several), delays)


def compare(replay: Replay) -> Marks | None:
    """Compare the alarms of a series with its labels; None where it has none."""
    windows = replay.series.windows
    if windows is None:
        return None
    times = replay.series.times
    alarms = times[replay.alarms]
    scored = times[np.isfinite(replay.column("anomaly_score"))]
    judged = [w for w in windows if scored.size and w[1] >= scored[0]]
    within = [alarms[(alarms >= start) & (alarms <= end)] for start, end in judged]
    starts = [start for start, _ in judged]
    delays = [hit.min() - start for start, hit in zip(starts, within, strict=True) if hit.size]
    right = np.unique(np.concatenate([np.empty(0), *within])).size
    return Marks(len(judged), alarms.size, right, tuple(map(float, delays)))


def load(path: Path) -> Labels:
    """Read a file of labels; raises InputError with place and remedy."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}; {_SHAPE}") from error
    found: dict[PurePosixPath, list[Window]] = {}
    for place, file, start, end in (
        _json(path, text) if text.lstrip()[:1] == "{" else _csv(path, text)
    ):
        windows = found.setdefault(PurePosixPath(file), [])
        if start is None:
            continue
        try:
            window = parse_time(str(start)), parse_time(str(end))
        except ValueError as error:
            raise InputError(f"{path}: {place}: {error}") from error
        if window[0] > window[1]:
            raise InputError(f"{path}: {place}: it ends before it begins; exchange the two")
        windows.append(window)
    if not found:
        raise InputError(f"{path}: no label in it; {_SHAPE}")
    return {file: tuple(windows) for file, windows in found.items()}


_Entry = tuple[str, str, Any, Any]
"""Place, file, start and end; a file without windows has one entry with None."""


def _json(path: Path, text: str) -> Iterator[_Entry]:
    try:
        document: dict[str, Any] = json.loads(text)
        for file, windows in document.items():
            yield file, file, None, None
            for start, end in windows:
                yield file, file, start, end
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: not labels: {error}; {_SHAPE}") from error


def _csv(path: Path, text: str) -> Iterator[_Entry]:
    for line, row in enumerate(csv.reader(text.splitlines()), 1):
        if not row or row[:3] == ["file", "start", "end"]:
            continue
        if len(row) < 3:
            raise InputError(f"{path}: line {line}: not a label: {','.join(row)!r}; {_SHAPE}")
        yield f"line {line}", row[0], row[1], row[2]


def entry(series: Series, labels: Labels, root: Path) -> PurePosixPath | None:
    """Return the file of the labels that is the series' own: one path ends with the other."""
    whole = (root / series.name if root.is_dir() else root).parts
    for file in labels:
        if _ends(whole, file.parts) or _ends(file.parts, series.name.parts):
            return file
    return None


def _ends(path: Sequence[str], end: Sequence[str]) -> bool:
    return path[-len(end) :] == end
