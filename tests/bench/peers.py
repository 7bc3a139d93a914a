"""Updates a second beside other libraries and the machine's own limits, in one run, as ratios.

Run: python tests/bench/peers.py        (river is measured where it is installed)
"""

import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from exporter.detectors import DETECTORS
from exporter.detectors.contract import RECENT, Frame
from tests.bench.detector import seconds_a_tick

SERIES = 10_000


def seconds(work: Callable[[], object], times: int = 30) -> float:
    """Return the median time of a call."""
    took = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        took.append(time.perf_counter() - started)
    return float(np.median(took))


def frame(series: int) -> Frame:
    values = np.random.default_rng(0).standard_normal((RECENT, series)).astype(np.float32)
    count, step = np.full(series, 20_000, np.float32), np.full(series, 15, np.float32)
    return Frame(values[-1], values, count, step, np.zeros(series, np.bool_))


def views() -> None:
    """Print what each view without slots does by itself."""
    one = frame(SERIES)
    for name, view in DETECTORS.items():
        if view.slots:
            continue
        state = np.ones((view.width, SERIES), np.float32)

        seen = np.empty(SERIES, np.float32)

        def work(view=view, state=state, seen=seen) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
            view.look(one, state, None, seen)
            view.learn(one, state, None, seen, seen)

        print(f"view {name:16} {SERIES / seconds(work):16,.0f} updates/s")


def bandwidth() -> None:
    """Print the local level beside a copy of as many bytes as it has to move."""
    series = 1_000_000
    one, level = frame(series), DETECTORS["level"]
    state, seen = np.ones((level.width, series), np.float32), np.empty(series, np.float32)

    def work() -> None:
        level.look(one, state, None, seen)
        level.learn(one, state, None, seen, seen)

    source = np.ones(series * 8, np.float32)  # value, level twice, innovation, step: 32 bytes
    target = np.empty_like(source)
    moved = seconds(lambda: np.copyto(target, source))
    own = seconds(work)
    print(
        f"local level at {series:,} series: {series / own:,.0f} updates/s, "
        f"{moved / 2 / own:.2f} of what copying 32 bytes an update allows"
    )


def river() -> float:
    from river.anomaly import HalfSpaceTrees

    model = HalfSpaceTrees(seed=1)
    values = np.random.default_rng(0).random(3000).tolist()
    started = time.perf_counter()
    for value in values:
        model.score_one({"x": value})
        model.learn_one({"x": value})
    return len(values) / (time.perf_counter() - started)


def forest() -> float:
    from sklearn.ensemble import IsolationForest

    values = np.random.default_rng(0).standard_normal((1100, 1))
    model = IsolationForest(random_state=0).fit(values[:1000])
    started = time.perf_counter()
    for row in values[1000:]:
        model.score_samples(row[None])
    return 100 / (time.perf_counter() - started)


def main() -> None:
    peers = {"scikit-learn IsolationForest": forest}
    if find_spec("river"):
        peers["river HalfSpaceTrees"] = river
    before = SERIES / seconds_a_tick(SERIES)[0]
    rates = {name: peer() for name, peer in peers.items()}
    whole = (before + SERIES / seconds_a_tick(SERIES)[0]) / 2
    print(f"whole engine, {SERIES:,} series: {whole:,.0f} updates/s")
    for name, rate in rates.items():
        print(
            f"{name}: {rate:,.0f} a value and second; the engine does {whole / rate:,.0f} times it"
        )
    views()
    bandwidth()


if __name__ == "__main__":
    main()
