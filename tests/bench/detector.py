"""Updates a second of the whole engine, in blocks of several sizes.

Run: python tests/bench/detector.py [--series 1000 10000 100000 1000000]
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from exporter.detectors.contract import RECENT
from exporter.detectors.scoring import Rule, Scorer

YOUNG, WARM, TIMED = 60, 80, 20


def seconds_a_tick(series: int) -> tuple[float, float]:
    """Return the median seconds of a tick, and the bytes of state of one series."""
    scorer, rows = Scorer(series), np.arange(series)
    scorer.wipe(rows)
    rng = np.random.default_rng(0)
    took = []
    for i in range(WARM + TIMED):
        values = 50 + rng.standard_normal(series)
        if i == YOUNG:
            scorer.arrays()["fields"][RECENT] += (
                20_000  # the count of values: timed is a series' later life
            )
        at = np.full(series, 1.7e9 + 15.0 * i)
        started = time.perf_counter()
        scorer.score(rows, values, at, Rule(15.0))
        took.append(time.perf_counter() - started)
    size = sum(array.nbytes for array in scorer.arrays().values()) / series
    return float(np.median(took[WARM:])), size


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--series", type=int, nargs="+", default=[1000, 10_000, 100_000])
    for series in parser.parse_args().series:
        seconds, size = seconds_a_tick(series)
        print(
            f"{series:8} series: {series / seconds:12,.0f} updates/s  "
            f"{seconds * 1e3:8.2f} ms a tick  {size:.0f} bytes of state a series",
            flush=True,
        )


if __name__ == "__main__":
    main()
