"""Says why series were scored hardly or not at all, and what to do about it."""

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

import numpy as np

from exporter.backtest.labels import Labels
from exporter.backtest.run import Replay, step_of
from exporter.detectors.scoring import LARGEST, Rule

_MOST_LATE = 0.01
"""Of the values: a few are late where clocks were put back, which is nobody's mistake."""
_NAMED = 3
_EMPTY = "no value in it: give lines of timestamp,value"
_HUGE = f"values of {LARGEST:g} and beyond are left out: they say that there is no limit"
_TWICE = "its lines of one time are taken once, the first of them: keep one series in a file"
_LATE = (
    "its times go back, and values that are not newer than those before them are left out: "
    "sort the lines by timestamp, and keep one series in a file"
)
_SHORT = (
    "nothing was scored, because it ends before --grace, for which it is only learned: "
    "give a longer history (of --prometheus an earlier --start), or e.g. --grace 10m"
)
_FEW = "nothing was scored, because there are too few values to learn from: give a longer history"


def of(replays: Sequence[Replay], rule: Rule) -> list[tuple[str, str]]:
    """Return the name and what to say of those of which there is something to say."""
    said = ((str(one.series.name), _advice(one, rule)) for one in replays)
    return [(name, what) for name, what in said if what]


def _advice(replay: Replay, rule: Rule) -> str:
    series = replay.series
    taken = series.times[np.isfinite(series.values)]
    if not taken.size:
        return _EMPTY
    latest = np.maximum.accumulate(taken)[:-1]
    if np.count_nonzero(taken[1:] <= latest) > _MOST_LATE * taken.size:
        return _LATE if (taken[1:] < latest).any() else _TWICE
    if (np.abs(series.values) >= LARGEST).any():
        return _HUGE
    if np.isfinite(replay.column("anomaly_score")).any():
        return ""
    return _SHORT if taken.size * step_of(series.times) <= rule.grace else _FEW


def sentences(said: Iterable[tuple[str, str]]) -> list[str]:
    """Put together the series of which the same is said, so that a thousand give one line."""
    names: dict[str, list[str]] = {}
    for name, what in said:
        names.setdefault(what, []).append(name)
    return [f"{_several(some)}: {what}" for what, some in names.items()]


def unused(labels: Labels, used: Iterable[PurePosixPath]) -> list[str]:
    """Say which files of the labels were not replayed; nothing where all were."""
    left = sorted(map(str, set(labels) - set(used)))
    what = "labelled, but no such file was replayed: name files by their path"
    return [f"{_several(left)}: {what}"] if left else []


def _several(names: Sequence[str]) -> str:
    """Name the first few, and count the rest."""
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
