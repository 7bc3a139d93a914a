"""Updates a second of the whole engine, in blocks of several sizes.

Run: python tests/bench/detector.py [--series 1000 10000 100000 1000000] [--gaps 0.01]
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from exporter.detectors.contract import RECENT
from exporter.detectors.frames import BORN
from exporter.detectors.scoring import Rule, Scorer

BRED, YOUNG, WARM, TIMED = 500, 60, 3000, 40


def seconds_a_tick(series: int, gaps: float = 0.0) -> tuple[float, float]:
    """Return the median seconds of a tick, and the bytes of state of one series.

    A share of `gaps` has no value in each tick.
    """
    scorer, rows, rng = Scorer(series), np.arange(series), np.random.default_rng(0)
    grown = bred()
    for name, array in scorer.arrays().items():
        array[:] = grown.arrays()[name][:, rows % BRED]
    took = []
    for i in range(WARM, WARM + TIMED):
        values = 50 + rng.standard_normal(series)
        values[rng.random(series) < gaps] = np.nan
        at = np.full(series, 1.7e9 + 15.0 * i)
        started = time.process_time()
        scorer.score(rows, values, at, Rule(15.0))
        took.append(time.process_time() - started)
    size = sum(array.nbytes for array in scorer.arrays().values()) / series
    return float(np.median(took)), size


def bred() -> Scorer:
    """Return some series in their later life, whose state the timed ones start from."""
    scorer, rows, rng = Scorer(BRED), np.arange(BRED), np.random.default_rng(1)
    scorer.wipe(rows)
    for i in range(WARM):
        if i == YOUNG:
            scorer.arrays()["fields"][RECENT] += 100_000  # the count of values
            scorer.arrays()["clocks"][BORN] -= 1e6
        scorer.score(
            rows, 50 + rng.standard_normal(BRED), np.full(BRED, 1.7e9 + 15.0 * i), Rule(15.0)
        )
    return scorer


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--series", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--gaps", type=float, default=0.0, help="share of values that are missing")
    arguments = parser.parse_args()
    for series in arguments.series:
        seconds, size = seconds_a_tick(series, arguments.gaps)
        print(
            f"{series:8} series: {series / seconds:12,.0f} updates/s  "
            f"{seconds * 1e3:8.2f} ms a tick  {size:.0f} bytes of state a series",
            flush=True,
        )


if __name__ == "__main__":
    main()
