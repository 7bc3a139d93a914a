"""What else moved: the series whose scores peaked, or whose residuals ran, along with another's."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exporter.model import FloatArray

Floats = NDArray[np.float32]

_MOVED = 0.5
"""A peak of the score that counts as having moved, in alarm lines."""
_TOGETHER = 0.6
"""A correlation that chance does not reach in 60 values, whatever the shift."""
_LARGEST = 4.0
"""Residuals beyond so many scatters count as that many, so that one value does not say it all."""
_FARTHEST = 20
"""Ticks by which residuals are shifted, at most."""
_LEAST_TICKS = 10


@dataclass(frozen=True, slots=True)
class Traces:
    """Scores and residuals of the latest ticks; arrays of shape (ticks, series), or (ticks,)."""

    score: Floats
    residual: Floats


@dataclass(frozen=True, slots=True)
class Related:
    """Another series that moved, and when: `lead` is how many seconds it was ahead, or behind."""

    index: int
    score: float
    """Its highest score, 0 where it had none."""
    lead: float
    correlation: float
    """Of the residuals, shifted as fits best; negative where they run against each other."""


def related(times: FloatArray, target: Traces, others: Traces, most: int) -> list[Related]:
    """Return at most `most` of the others, those that moved most first.

    `times` has shape (ticks,), in seconds, oldest first. Another has moved if its score peaked,
    or if its residuals correlate with the target's. Its lead is the time between the two peaks,
    or the shift of the residuals where one of them has no peak.
    """
    if len(times) < _LEAST_TICKS or not others.score.shape[1]:
        return []
    correlation, shift = _correlate(target.residual, others.residual)
    peak, place = _peaks(others.score)
    own_peak, own_place = _peaks(target.score[:, None])
    step = float(np.median(np.diff(times)))
    peaked = (peak >= _MOVED) & (own_peak >= _MOVED)
    lead = np.where(peaked, times[own_place] - times[place], shift * step)
    weight = np.minimum(peak, 3) / 3 + np.abs(correlation)
    moved = (peak >= _MOVED) | (np.abs(correlation) >= _TOGETHER)
    order = np.argsort(np.where(moved, -weight, 1), kind="stable")
    order = order[: min(most, int(np.count_nonzero(moved)))]
    return [Related(int(i), float(peak[i]), float(lead[i]), float(correlation[i])) for i in order]


def _peaks(score: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Return the highest score of each series, 0 where there is none, and its tick."""
    known = np.nan_to_num(score, nan=0.0)
    return known.max(axis=0), known.argmax(axis=0)


def _correlate(target: Floats, others: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Correlate at every shift; return the strongest and by how many ticks the other is ahead."""
    ticks = len(target)
    farthest = min(_FARTHEST, ticks // 3)
    shifts: NDArray[np.intp] = np.arange(-farthest, farthest + 1, dtype=np.intp)
    own = _centred(target[:, None])[:, 0]
    shifted = np.zeros((len(shifts), ticks), np.float32)
    for row, shift in enumerate(
        shifts.tolist()
    ):  # the target moved to where the other would have been
        first, last = max(0, -shift), min(ticks, ticks - shift)
        shifted[row, first:last] = own[first + shift : last + shift]
    theirs = _centred(others)
    sizes = np.sqrt(np.sum(theirs**2, axis=0) * np.sum(own**2))
    with np.errstate(divide="ignore", invalid="ignore"):
        all_shifts = np.where(sizes > 0, shifted @ theirs / sizes, 0)
    best = np.abs(all_shifts).argmax(axis=0)
    return np.take_along_axis(all_shifts, best[None], axis=0)[0], shifts[best]


def _centred(residual: Floats) -> Floats:
    """Clip, and take the mean away; a missing value says nothing."""
    clipped = np.clip(residual, -_LARGEST, _LARGEST)
    known = np.isfinite(clipped)
    counts = np.maximum(known.sum(axis=0), 1)
    means = np.where(known, clipped, 0).sum(axis=0) / counts
    centred: Floats = np.where(known, clipped - means, 0).astype(np.float32)
    return centred
