"""False alarms a week on ordinary noise of many shapes, against the configured rate.

Run: python tests/bench/calibration.py [--steps 15 60 300 | --quick] [--alarms 1] [--series 50]
A call of the scorer costs about the same for one series as for hundreds: shapes and rates are
free, and the time goes into the step of 15 s, which --quick leaves out.
Counted after 2,000 values and two days, over two weeks (four at 300 s), per series.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from exporter.detectors.scoring import Rule, Scorer
from exporter.model import FloatArray
from tests.bench.side_by_side import Tell, side_by_side

DAY, WEEK, START = 86_400.0, 604_800.0, 1_700_006_400.0
Draw = Callable[[float], FloatArray]
Cells = dict[str, Sequence[float]]


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


@dataclass(frozen=True, slots=True)
class Task:
    step: float
    series: int
    accepted: Sequence[float]
    """Alarms a week; each has series of its own with the same values."""

    @property
    def first(self) -> int:
        return int(max(2000, 2 * DAY / self.step))

    @property
    def values(self) -> int:
        return self.first + int((4 if self.step >= 300 else 2) * WEEK / self.step)


def alarms_a_week(task: Task, tell: Tell) -> list[Cells]:
    """Return for each accepted rate the shapes' alarms a week: all, and high scores of records."""
    draws = shapes(np.random.default_rng(1), task.series)
    accepted = np.repeat(task.accepted, task.series * len(draws))
    scorer, rows = Scorer(len(accepted)), np.arange(len(accepted))
    scorer.wipe(rows)
    novel = np.zeros(len(rows))
    for i in range(task.values):
        at = START + i * task.step
        block = np.concatenate([draw(at) for draw in draws.values()] * len(task.accepted))
        times = np.full(len(rows), at)
        verdict = scorer.score(rows, block, times, Rule(task.step), accepted).verdict
        if i == task.first:
            before = verdict.total.copy()
        if i > task.first:
            novel += verdict.score > 1.03
        tell(i / task.values)
    weeks = (task.values - task.first) * task.step / WEEK
    shape = (2, len(task.accepted), len(draws), task.series)
    cells = np.reshape([verdict.total - before, novel], shape).mean(axis=-1) / weeks
    return [dict(zip(draws, part.T.tolist(), strict=True)) for part in cells.swapaxes(0, 1)]


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=float, nargs="+", default=[15.0, 60.0, 300.0])
    parser.add_argument("--quick", action="store_true", help="all shapes at 60 and 300 s only")
    parser.add_argument("--alarms", type=float, nargs="+", default=[1.0])
    parser.add_argument("--series", type=int, default=50)
    return parser.parse_args()


def main() -> None:
    options = parsed()
    steps = [60.0, 300.0] if options.quick else options.steps
    tasks = [Task(step, options.series, options.alarms) for step in steps]
    columns = side_by_side(alarms_a_week, tasks, [task.values for task in tasks])
    heads = "".join(f"{f'{step:g} s':>18}" for step in steps)
    for k, accepted in enumerate(options.alarms):
        print(f"configured {accepted:g} a week: alarms (high scores of records)\n{'':18}{heads}")
        for name in columns[0][k]:
            cells = "".join("{:9.2f} ({:6.2f})".format(*column[k][name]) for column in columns)
            print(f"{name:18}{cells}", flush=True)


if __name__ == "__main__":
    main()
