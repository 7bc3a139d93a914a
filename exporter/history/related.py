"""What else moved: the series whose scores peaked, or whose residuals ran, along with another's."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from exporter.model import BoolArray, FloatArray

Floats = NDArray[np.float32]

_MOVED = 1.0
"""A peak of the score that counts as having moved: the alarm line."""
_BY_CHANCE = 0.01
"""How probable it may be that any correlation in a whole answer is chance."""
_LARGEST = 4.0
"""What is beyond so many usual sizes counts as that many, so that one value does not say it all."""
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
    """Another series that moved, and when: `lead` is how many seconds it was ahead, or behind.

    `together` tells whether its residuals run with the target's by more than chance.
    """

    index: int
    score: float
    """Its highest score, 0 where it had none."""
    lead: float
    correlation: float
    """Of the residuals, shifted as fits best; negative where they run against each other."""
    together: bool = False


def related(times: FloatArray, target: Traces, others: Traces, most: int) -> list[Related]:
    """Return at most `most` of the others, those that moved most first.

    `times` has shape (ticks,), in seconds, oldest first. Another has moved if its score reached
    the alarm line, or if its residuals correlate with the target's so well that chance would
    rarely do so for any of all series and shifts. The first are in front, the highest score
    first, then those that only correlate, the strongest first. The lead is the time between the
    two scores' rises, or the shift of the residuals where one of them did not reach the line.
    """
    if len(times) < _LEAST_TICKS or not others.score.shape[1]:
        return []
    match = _correlate(target.residual, others.residual)
    peak, place = _peaks(others.score)
    own_peak, own_place = _peaks(target.score[:, None])
    step = float(np.median(np.diff(times)))
    peaked = peak >= _MOVED
    both = peaked & (own_peak >= _MOVED)
    lead = np.where(both, times[own_place] - times[place], match.shift * step)
    order = np.lexsort((-np.abs(match.correlation), np.where(peaked, -peak, 0)))
    moved = (peaked | match.together)[order]
    return [
        Related(
            int(i),
            float(peak[i]),
            float(lead[i]),
            float(match.correlation[i]),
            bool(match.together[i]),
        )
        for i in order[moved][:most]
    ]


def _peaks(score: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Return the highest score of each series, 0 where there is none, and the tick it rose at.

    A fault raises a score more than once. It began where the score first had half its peak.
    """
    known = np.nan_to_num(score, nan=0.0)
    peak = known.max(axis=0)
    return peak, (known >= peak / 2).argmax(axis=0)


@dataclass(frozen=True, slots=True)
class _Match:
    """At which shift residuals go together best, by how many ticks the other is ahead then."""

    correlation: Floats
    shift: NDArray[np.intp]
    together: BoolArray


def _correlate(target: Floats, others: Floats) -> _Match:
    """Correlate at every shift, and choose the strongest of each series."""
    farthest = min(_FARTHEST, len(target) // 3)
    shifts: NDArray[np.intp] = np.arange(-farthest, farthest + 1, dtype=np.intp)
    own, theirs = _steps(target[:, None])[:, 0], _steps(others)
    sizes = np.sqrt(np.sum(theirs**2, axis=0) * np.sum(own**2))
    with np.errstate(divide="ignore", invalid="ignore"):
        all_shifts = np.where(sizes > 0, _shifted(own, shifts) @ theirs / sizes, 0)
    best = np.abs(all_shifts).argmax(axis=0)
    correlation = np.take_along_axis(all_shifts, best[None], axis=0)[0]
    known = _shifted(np.isfinite(target).astype(np.float32), shifts) @ np.isfinite(others)
    pairs = np.take_along_axis(known, best[None], axis=0)[0] / _inertia(own, theirs)
    return _Match(correlation, shifts[best], _together(correlation, pairs, all_shifts.size))


def _inertia(own: Floats, theirs: Floats) -> Floats:
    """Return how many pairs of values tell as much as one of independent ones, at least 1.

    By Bartlett: two series that both drift go together for a while by chance, and the more so
    the longer each stays where it is.
    """
    sizes = np.sum(own**2) * np.sum(theirs**2, axis=0)
    inertia = np.ones(theirs.shape[1], np.float32)
    for lag in range(1, len(own) // 2):
        products = np.sum(own[lag:] * own[:-lag]) * np.sum(theirs[lag:] * theirs[:-lag], axis=0)
        inertia += 2 * np.divide(products, sizes, out=np.zeros_like(inertia), where=sizes > 0)
    longer: Floats = np.maximum(inertia, 1)
    return longer


def _shifted(own: Floats, shifts: NDArray[np.intp]) -> Floats:
    """Move the target to where the other would have been; shape (shifts, ticks)."""
    ticks = len(own)
    moved = np.zeros((len(shifts), ticks), np.float32)
    for row, shift in enumerate(shifts.tolist()):
        first, last = max(0, -shift), min(ticks, ticks - shift)
        moved[row, first:last] = own[first + shift : last + shift]
    return moved


def _together(correlation: Floats, pairs: Floats, tried: int) -> BoolArray:
    """Tell correlations that chance does not reach in any of all that were `tried` at once.

    By Fisher, the inverse hyperbolic tangent of a correlation of n independent `pairs` is
    normal with a scatter of 1 / sqrt(n - 3).
    """
    line = NormalDist().inv_cdf(1 - _BY_CHANCE / 2 / tried)
    freedom = np.sqrt(np.maximum(pairs - 3, 0))
    beyond: BoolArray = np.arctanh(np.minimum(np.abs(correlation), 0.9999)) * freedom > line
    return beyond


def _steps(residual: Floats) -> Floats:
    """Return each residual's step since the last one, in usual sizes, clipped.

    A young or slow series' residuals drift, and so would agree with half of the others. A
    missing value has no step, which is 0 and says nothing.
    """
    steps = np.full_like(residual, np.nan)
    steps[1:] = np.diff(residual, axis=0)
    return _even(steps)


def _even(values: Floats) -> Floats:
    """Take the median away, and clip at a few usual sizes, which are 1 then; NaN becomes 0."""
    from_middle = values - _median(values)
    usual = 1.5 * _median(np.abs(from_middle))
    with np.errstate(invalid="ignore"):
        spread = np.sqrt(np.nanmean(np.append(from_middle, np.zeros_like(usual)[None], 0) ** 2, 0))
    usual = np.where(usual > 0, usual, np.where(spread > 0, spread, 1))
    even: Floats = np.clip(np.nan_to_num(from_middle / usual, nan=0.0), -_LARGEST, _LARGEST)
    return even


def _median(values: Floats) -> Floats:
    """Return the median of what is known of each series, 0 where nothing is."""
    known = np.isfinite(values)
    middle = np.maximum(known.sum(axis=0) - 1, 0) // 2
    ordered = np.sort(np.where(known, values, np.inf), axis=0)
    found = np.take_along_axis(ordered, middle[None], axis=0)[0]
    median: Floats = np.where(np.isfinite(found), found, 0).astype(np.float32)
    return median
