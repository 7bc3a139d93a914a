"""Which changes of known size are found, and after how many values.

Run: python tests/bench/detection.py [--series 40]
Each change begins after 5,000 values at 60 s (a missing season: after 15 days at 300 s). A cell
has the share of series that raise an alarm within 60 values, and their median delay in values.
The last column is the share that raises one in as many values without a change.
"""

import argparse
import sys
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from exporter.detectors.scoring import Rule, Scorer
from exporter.model import FloatArray

START, AFTER = 1_700_006_400.0, 60
SIZES = (3.0, 5.0, 8.0, 12.0, 20.0)
Noise = Callable[[np.random.Generator, FloatArray, int], FloatArray]
Change = Callable[[FloatArray, float], FloatArray]
"""From ordinary values of shape (values, series) and a size to changed ones."""


@dataclass(frozen=True, slots=True)
class Case:
    noise: Noise
    change: Change
    step: float = 60.0
    before: int = 5000
    sizes: tuple[float, ...] = SIZES
    after: int = AFTER


def gaussian(rng: np.random.Generator, times: FloatArray, series: int) -> FloatArray:
    return 50 + rng.standard_normal((len(times), series))


def walk(rng: np.random.Generator, times: FloatArray, series: int) -> FloatArray:
    lines = rng.standard_normal((len(times), series))
    for i in range(1, len(times)):
        lines[i] += 0.9 * lines[i - 1]
    lines *= np.sqrt(1 - 0.9**2)
    return lines


def sparse(rng: np.random.Generator, times: FloatArray, series: int) -> FloatArray:
    shape = (len(times), series)
    lines: FloatArray = rng.exponential(1, shape) * (rng.random(shape) < 0.05)
    return lines


def daily_peak(rng: np.random.Generator, times: FloatArray, series: int) -> FloatArray:
    """Noise of 1, and 20 more for an hour each day, which a test may leave out."""
    hours = times // 3600 % 24
    lines: FloatArray = gaussian(rng, times, series) + 20.0 * (hours == 0)[:, None]
    return lines


def ramp(lines: FloatArray, size: float) -> FloatArray:
    changed: FloatArray = lines + size * np.minimum(np.arange(len(lines)) / 30, 1)[:, None]
    return changed


def spike(lines: FloatArray, size: float) -> FloatArray:
    changed: FloatArray = lines + size * (np.arange(len(lines)) == 0)[:, None]
    return changed


def burst(lines: FloatArray, size: float) -> FloatArray:
    changed: FloatArray = lines + size * (np.arange(len(lines)) < 5)[:, None]
    return changed


def flat(lines: FloatArray, size: float) -> FloatArray:
    del size
    return np.repeat(lines[:1], len(lines), axis=0)


CASES: dict[str, Case] = {
    "step": Case(gaussian, lambda x, size: x + size),
    "step, AR(1) 0.9": Case(walk, lambda x, size: x + size),
    "ramp over 30 values": Case(gaussian, ramp),
    "spike": Case(gaussian, spike),
    "scatter times": Case(gaussian, lambda x, size: 50 + (x - 50) * size, sizes=(2, 3, 4, 6, 8)),
    "flat line": Case(gaussian, flat, sizes=(0.0,)),
    "missing season": Case(
        daily_peak, lambda x, size: x - size, step=300.0, before=15 * 288, sizes=(20.0,), after=12
    ),
    "burst of 5, 95 % zeros": Case(sparse, burst),
}


def learned(case: Case, series: int, rng: np.random.Generator) -> Scorer:
    scorer, rows = Scorer(series), np.arange(series)
    scorer.wipe(rows)
    times = START + case.step * np.arange(case.before, dtype=float)
    for at, values in zip(times, case.noise(rng, times, series), strict=True):
        scorer.score(rows, values, np.full(series, at), Rule(case.step))
    return scorer


def found(case: Case, scorer: Scorer, lines: FloatArray) -> tuple[float, float]:
    """Return the share of series that alarm, and their median delay in values."""
    copy, rows = deepcopy(scorer), np.arange(lines.shape[1])
    delays = np.full(len(rows), np.nan)
    for i, values in enumerate(lines):
        at = START + case.step * (case.before + i)
        judgement = copy.score(rows, values, np.full(len(rows), at), Rule(case.step))
        new = (judgement.verdict.score >= 1) & np.isnan(delays)
        delays[new] = i
    share = float(np.isfinite(delays).mean())
    return share, float(np.nanmedian(delays)) if share else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--series", type=int, default=40)
    series = parser.parse_args().series
    for name, case in CASES.items():
        rng = np.random.default_rng(3)
        scorer = learned(case, series, rng)
        times = START + case.step * np.arange(case.before, case.before + case.after, dtype=float)
        lines = case.noise(rng, times, series)
        cells = []
        for size in case.sizes:
            share, delay = found(case, scorer, case.change(lines, size))
            cells.append(f"{size:5g}: {share:4.2f} ({delay:2.0f})")
        quiet, _ = found(case, scorer, lines)
        print(f"{name:24}{'  '.join(cells)}   none: {quiet:4.2f}", flush=True)


if __name__ == "__main__":
    main()
