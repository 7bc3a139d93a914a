"""False alarms a week on ordinary noise of many shapes, against the configured rate.

Run: python tests/bench/calibration.py [--steps 15 60 300] [--alarms 1] [--series 50]
Counted after 2,000 values and two days, over two weeks (four at 300 s), per series.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from exporter.detectors.scoring import Rule, Scorer
from exporter.model import FloatArray

DAY, WEEK, START = 86_400.0, 604_800.0, 1_700_006_400.0
Draw = Callable[[float], FloatArray]


def autoregressive(rng: np.random.Generator, series: int, factor: float) -> Draw:
    value = np.zeros(series)

    def draw(_: float) -> FloatArray:
        nonlocal value
        value = factor * value + rng.standard_normal(series)
        return value

    return draw


def shapes(rng: np.random.Generator, series: int) -> dict[str, Draw]:
    """Return one value a call for each series of each shape."""
    phase = rng.random(series)
    return {
        "Gaussian": lambda _: 50 + 3 * rng.standard_normal(series),
        "log-normal": lambda _: rng.lognormal(0, 1, series),
        "log-normal 0.5": lambda _: rng.lognormal(0, 0.5, series),
        "Poisson 1": lambda _: rng.poisson(1, series).astype(float),
        "Poisson 20": lambda _: rng.poisson(20, series).astype(float),
        "periodic, a day": lambda t: (
            10 * np.sin(2 * np.pi * (t / DAY + phase)) + rng.standard_normal(series)
        ),
        "periodic, an hour": lambda t: (
            10 * np.sin(2 * np.pi * (t / 3600 + phase)) + rng.standard_normal(series)
        ),
        "AR(1) 0.5": autoregressive(rng, series, 0.5),
        "AR(1) 0.9": autoregressive(rng, series, 0.9),
        "AR(1) 0.99": autoregressive(rng, series, 0.99),
        "uniform": lambda _: rng.random(series),
        "Laplace": lambda _: rng.laplace(0, 1, series),
        "exponential": lambda _: rng.exponential(1, series),
        "Student t, 4": lambda _: rng.standard_t(4, series),
        "95 % zeros": lambda _: np.where(rng.random(series) < 0.05, rng.exponential(1, series), 0),
    }


def alarms_a_week(step: float, series: int, accepted: float) -> dict[str, tuple[float, ...]]:
    """Return for each shape: alarms a week in all, then those that records alone raised."""
    draws = shapes(np.random.default_rng(1), series)
    scorer, rows = Scorer(series * len(draws)), np.arange(series * len(draws))
    scorer.wipe(rows)
    rule = Rule(step, alarms_a_week=accepted)
    first = int(max(2000, 2 * DAY / step))
    values = first + int((4 if step >= 300 else 2) * WEEK / step)
    novel = np.zeros(len(rows))
    for i in range(values):
        at = START + i * step
        block = np.concatenate([draw(at) for draw in draws.values()])
        judgement = scorer.score(rows, block, np.full(len(rows), at), rule)
        if i == first:
            before = judgement.verdict.total.copy()
        if i > first:
            novel += judgement.verdict.score > 1.03
    weeks = (values - first) * step / WEEK
    split = ((judgement.verdict.total - before) / weeks).reshape(len(draws), series).mean(axis=1)
    records = (novel / weeks).reshape(len(draws), series).mean(axis=1)
    return {name: (split[k], records[k]) for k, name in enumerate(draws)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=float, nargs="+", default=[15.0, 60.0, 300.0])
    parser.add_argument("--alarms", type=float, nargs="+", default=[1.0])
    parser.add_argument("--series", type=int, default=50)
    options = parser.parse_args()
    for accepted in options.alarms:
        columns = [alarms_a_week(step, options.series, accepted) for step in options.steps]
        heads = "".join(f"{f'{step:g} s':>18}" for step in options.steps)
        print(f"configured {accepted:g} a week: alarms (high scores of records)\n{'':18}{heads}")
        for name in columns[0]:
            cells = "".join(f"{c[name][0]:9.2f} ({c[name][1]:6.2f})" for c in columns)
            print(f"{name:18}{cells}", flush=True)


if __name__ == "__main__":
    main()
