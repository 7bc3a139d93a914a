"""Alarms a week on ordinary noise, sizes that are found, and updates a second.

Run: python tests/bench/detector.py
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from exporter.detectors.local_level import LocalLevel
from exporter.detectors.scoring import Rule, Scorer
from exporter.model import FloatArray

RULE = Rule(15.0)
WEEK = 40_320
SERIES = 100
Draw = Callable[[], FloatArray]


def autoregressive(rng: np.random.Generator, factor: float) -> Draw:
    value = np.zeros(SERIES)

    def draw() -> FloatArray:
        nonlocal value
        value = factor * value + rng.standard_normal(SERIES)
        return value

    return draw


def noises(rng: np.random.Generator) -> dict[str, Draw]:
    return {
        "normal": lambda: 50 + 3 * rng.standard_normal(SERIES),
        "log-normal": lambda: rng.lognormal(0, 1, SERIES),
        "AR(1) 0.5": autoregressive(rng, 0.5),
        "AR(1) 0.9": autoregressive(rng, 0.9),
        "random walk": autoregressive(rng, 1.0),
        "uniform": lambda: rng.random(SERIES),
        "Laplace": lambda: rng.laplace(0, 1, SERIES),
        "Student t, 4": lambda: rng.standard_t(4, SERIES),
        "95 % zeros": lambda: np.where(rng.random(SERIES) < 0.05, rng.exponential(1, SERIES), 0),
    }


def alarms(draw: Draw) -> tuple[float, float]:
    """Count alarms for each series in the first half of a week and in the second, as a week's."""
    scorer, rows = Scorer(LocalLevel(), SERIES), np.arange(SERIES)
    scorer.wipe(rows)
    half = 0.0
    total = 0.0
    for i in range(WEEK):
        verdict = scorer.score(rows, draw(), RULE, i * RULE.interval).verdict
        total = float(np.nanmean(verdict.total)) if i >= RULE.grace_values else 0.0
        half = total if i == WEEK // 2 else half
    return 2 * half, 2 * (total - half)


def found(draw: Draw, shape: str, sizes: tuple[float, ...]) -> list[float]:
    """Return the share of series in which a change after a day is found within 20 values."""
    scorer, rows = Scorer(LocalLevel(), SERIES), np.arange(SERIES)
    scorer.wipe(rows)
    past = np.array([draw() for _ in range(5760)])
    for i, values in enumerate(past):
        scorer.score(rows, values, RULE, i * RULE.interval)
    shares = []
    for size in sizes:
        copy = Scorer(LocalLevel(), SERIES)
        copy.__dict__ |= {k: v.copy() for k, v in vars(scorer).items() if isinstance(v, np.ndarray)}
        hit = np.zeros(SERIES, bool)
        for i in range(20):
            lift = {"step": 1.0, "spike": float(i == 0), "ramp": i / 10}[shape]
            values = draw() + lift * size * past.std()
            score = copy.score(rows, values, RULE, (5760 + i) * RULE.interval).score
            hit |= score.deviation >= 1
        shares.append(float(hit.mean()))
    return shares


def updates_a_second(series: int) -> float:
    scorer, rows = Scorer(LocalLevel(), series), np.arange(series)
    scorer.wipe(rows)
    lines = np.random.default_rng(0).standard_normal((30, series))
    took = []
    for i, values in enumerate(lines):
        started = time.perf_counter()
        scorer.score(rows, values, RULE, i * RULE.interval)
        took.append(time.perf_counter() - started)
    return series / float(np.median(took))


def main() -> None:
    print("noise          alarms/series/week: first half, second half   (configured: 1)")
    for name, draw in noises(np.random.default_rng(1)).items():
        first, second = alarms(draw)
        print(f"{name:14} {first:8.2f} {second:8.2f}", flush=True)
    print("\nchange after a day, share found within 20 values, by size in standard deviations")
    sizes = (3.0, 5.0, 8.0, 12.0, 20.0)
    print(f"{'':24}" + "".join(f"{size:8g}" for size in sizes))
    for name in ("normal", "log-normal", "AR(1) 0.5"):
        for shape in ("step", "spike", "ramp"):
            shares = found(noises(np.random.default_rng(2))[name], shape, sizes)
            print(f"{name:14} {shape:9}" + "".join(f"{share:8.2f}" for share in shares), flush=True)
    print()
    for series in (100, 1000, 10_000):
        print(f"{series:6} series: {updates_a_second(series):12,.0f} updates/s")


if __name__ == "__main__":
    main()
