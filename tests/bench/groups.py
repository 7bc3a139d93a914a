"""Groups: alarms a week on ordinary noise, what is found and how soon, and the time of a tick.

Run: python tests/bench/groups.py [15s] [60s] [300s] [detection] [speed]
The innovations are those of the serving scorer; each part takes some minutes.
"""

import sys
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from exporter.detectors.scoring import Rule, Scorer
from exporter.groups.groups import Groups, Terms
from exporter.groups.roster import GroupRule
from exporter.model import BoolArray, FloatArray, SeriesKey

DAY, WEEK = 86_400.0, 604_800.0
MEMBERS = 10
START = 1.7e9
Shape = Callable[[], FloatArray]


def autoregressive(draw: Shape) -> Shape:
    value = draw()

    def following() -> FloatArray:
        nonlocal value
        value = 0.7 * value + draw()
        return value

    return following


def shapes(rng: np.random.Generator, groups: int) -> dict[str, Shape]:
    """Return noises of shape (groups, MEMBERS)."""

    def own() -> FloatArray:
        return rng.standard_normal((groups, MEMBERS))

    def common() -> FloatArray:
        return 2 * rng.standard_normal((groups, 1)) + own()

    return {
        "normal": own,
        "log-normal": lambda: np.exp(own()),
        "AR(1) 0.7": autoregressive(own),
        "common factor": common,
        "its exponential": lambda: np.exp(0.45 * common()),
        "its AR(1) 0.7": autoregressive(common),
    }


@dataclass
class Run:
    """So many groups of every shape, scored as the exporter does."""

    per_shape: int
    step: float
    seed: int = 0
    ticks: int = 0
    keys: tuple[SeriesKey, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.draws = shapes(np.random.default_rng(self.seed), self.per_shape)
        self.names = [f"{shape} {i}" for shape in self.draws for i in range(self.per_shape)]
        self.keys = tuple(
            SeriesKey(f"s{i}", (("service", name),)) for name in self.names for i in range(MEMBERS)
        )
        self.groups = Groups((GroupRule(by=("service",)),))
        self.scorer = Scorer(len(self.keys))
        self.rows = np.arange(len(self.keys))
        self.scorer.wipe(self.rows)

    def draw(self) -> FloatArray:
        return np.concatenate([draw().ravel() for draw in self.draws.values()])

    def tick(self, values: FloatArray) -> FloatArray:
        """Take one value of each series; returns the series' own scores."""
        now = START + self.ticks * self.step
        self.ticks += 1
        times = np.full(len(values), now)
        rule = Rule(self.step)
        judgement = self.scorer.score(self.rows, values, times, rule)
        self.groups.update(self.keys, judgement.score.residual, now, Terms())
        own: FloatArray = judgement.verdict.score
        return own

    def read(self, field_name: str) -> FloatArray:
        """Return a field of all groups' states, (shapes, groups of each)."""
        states = [getattr(one, field_name) for one in self.groups.states()]
        return np.array(states, float).reshape(-1, self.per_shape)


def calibration(step: float, days: float) -> None:
    run = Run(20, step)
    begin = int(max(2000, 2 * DAY / step))
    for _ in range(begin):
        run.tick(run.draw())
    before = run.read("alarms")
    for _ in range(int(days * DAY / step) - begin):
        run.tick(run.draw())
    weeks = (run.ticks - begin) * step / WEEK
    rates = (run.read("alarms") - before).mean(1) / weeks
    print(
        f"\n{step:g} s, {weeks * run.per_shape:.0f} weeks of each shape after 2,000 values and two"
    )
    print("days: alarms a group and week (configured: 1)")
    for name, rate in zip(run.draws, rates, strict=True):
        print(f"{name:18}{rate:6.2f}", flush=True)


def broken(size: float) -> Callable[[FloatArray, np.random.Generator], FloatArray]:
    """The first member follows the others by so much less; its scatter stays."""

    def change(values: FloatArray, rng: np.random.Generator) -> FloatArray:
        first = values[..., 0]
        stranger = rng.permuted(first, axis=-1)
        values[..., 0] = (1 - size) * first + np.sqrt(1 - (1 - size) ** 2) * stranger
        return values

    return change


def shifted(size: float) -> Callable[[FloatArray, np.random.Generator], FloatArray]:
    """Every member moves by so many of its own scatters, half of them up and half down."""

    def change(values: FloatArray, rng: np.random.Generator) -> FloatArray:
        del rng
        steps = size * values.std(axis=1, keepdims=True)
        moved: FloatArray = values + steps * np.tile([1.0, -1.0], MEMBERS // 2)
        return moved

    return change


def detection() -> None:
    """Tell what is found within 120 values of a change after 4,000, and the median delay."""
    run = Run(60, 15.0, seed=5)
    for _ in range(4000):
        run.tick(run.draw())
    chosen = [list(run.draws).index(name) for name in ("normal", "common factor", "its AR(1) 0.7")]
    print("\nshare of groups found within 120 values (median delay in values); in brackets the")
    print("share of groups with a member whose own score passed its line within 20")
    print(f"{'':34}{'normal':>20}{'common factor':>20}{'its AR(1) 0.7':>20}")
    cases = {f"correlation falls by {size:g} of itself": broken(size) for size in (0.6, 0.8, 1.0)}
    cases |= {f"all shift by {size:g} scatters": shifted(size) for size in (0.3, 0.5, 1.0, 1.5)}
    for name, change in cases.items():
        found, alone = delays(run, change)
        cells = [_cell(found[shape], alone[shape]) for shape in chosen]
        print(f"{name:34}" + "".join(f"{cell:>20}" for cell in cells), flush=True)


def _cell(delay: FloatArray, alone: BoolArray) -> str:
    hit = np.isfinite(delay)
    when = f"({np.median(delay[hit]):.0f})" if hit.any() else ""
    return f"{hit.mean():.2f} {when} [{alone.mean():.2f}]"


def delays(
    run: Run, change: Callable[[FloatArray, np.random.Generator], FloatArray]
) -> tuple[FloatArray, BoolArray]:
    """Return after how many values each group alarms, and whether a single series did."""
    after = deepcopy(run)
    rng = np.random.default_rng(1)
    delay = np.full((len(run.draws), run.per_shape), np.nan)
    alone = np.zeros(delay.shape, np.bool_)
    for i in range(120):
        values = after.draw().reshape(len(run.draws), run.per_shape, MEMBERS)
        own = after.tick(change(values, rng).ravel()).reshape(values.shape)
        alone |= (own >= 1).any(-1) & (i < 20)
        loud = np.fmax(after.read("score"), after.read("change_score")) >= 1
        delay = np.where(np.isnan(delay) & loud, i + 1, delay)
    return delay, alone


def speed() -> None:
    print()
    for groups in (10, 100, 1000):
        run = Run(1, 15.0)
        run.keys = tuple(
            SeriesKey(f"s{i}", (("service", str(g)),)) for g in range(groups) for i in range(10)
        )
        rng, took = np.random.default_rng(0), []
        for tick in range(40):
            innovations = rng.standard_normal(len(run.keys))
            started = time.perf_counter()
            run.groups.update(run.keys, innovations, START + tick * 15, Terms())
            took.append(time.perf_counter() - started)
        usual = np.median(took) * 1e3
        print(f"{groups:5} groups of 10: {usual:7.2f} ms a tick, the first {took[0]:.3f} s")


PARTS: dict[str, Callable[[], None]] = {
    "15s": lambda: calibration(15.0, 4.0),
    "60s": lambda: calibration(60.0, 8.0),
    "300s": lambda: calibration(300.0, 40.0),
    "detection": detection,
    "speed": speed,
}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()
