from collections.abc import Callable

import numpy as np
import pytest

from exporter.detectors import tail
from exporter.detectors.contract import Floats
from exporter.model import FloatArray

RATE = 15 / 604_800


def state_after(sizes: FloatArray) -> Floats:
    """Feed sizes of shape (values, series), or of one series."""
    lines = sizes.reshape(len(sizes), -1)
    state = np.tile(np.array(tail.START, np.float32), (lines.shape[1], 1))
    for line in lines.astype(np.float32):
        tail.learn(state, line, tail.line(state, RATE))
    return state


SHAPE = (8000, 50)
DRAWS: dict[str, Callable[[np.random.Generator], FloatArray]] = {
    "normal": lambda rng: np.abs(rng.standard_normal(SHAPE)),
    "exponential": lambda rng: rng.exponential(size=SHAPE),
    "pareto": lambda rng: rng.pareto(4, SHAPE) * 1.6,
}


@pytest.mark.parametrize(
    ("noise", "quantile", "true_line"),
    [("normal", 1.55, 4.22), ("exponential", 2.12, 10.6), ("pareto", 1.1, 21.1)],
)
def test_quantile_and_line_are_near_those_of_the_noise(
    noise: str, quantile: float, true_line: float
) -> None:
    """The line stands a little higher, because 8,000 values leave some doubt."""
    state = state_after(DRAWS[noise](np.random.default_rng(4)))
    assert np.median(state[:, 0]) == pytest.approx(quantile, rel=0.1)
    assert 0.8 < np.median(tail.line(state, RATE)) / true_line < 1.4


@pytest.mark.parametrize("size", [0.0, 1e-9, 1.0, 1000.0])
def test_sizes_that_never_change_leave_a_finite_line(size: float) -> None:
    line = tail.line(state_after(np.full(5000, size)), RATE)
    assert np.isfinite(line).all()
    assert line[0] >= 2


def test_an_incident_does_not_make_the_series_deaf() -> None:
    noise = np.abs(np.random.default_rng(5).standard_normal(6000))
    before = state_after(noise)
    after = state_after(np.concatenate((noise, np.full(200, 500.0))))
    assert tail.line(after, RATE)[0] < 2 * tail.line(before, RATE)[0]


def test_rarer_alarms_mean_a_higher_line() -> None:
    state = state_after(DRAWS["normal"](np.random.default_rng(4))[:2000])
    lines = [tail.line(state, rate)[0] for rate in (1e-2, 1e-3, 1e-4, 1e-5)]
    assert lines == sorted(lines)


def test_a_size_counts_by_how_rare_it_is_and_on_the_line_it_is_one() -> None:
    state = np.repeat(state_after(DRAWS["normal"](np.random.default_rng(4))[:, :1]), 400, axis=0)
    lines = tail.line(state, RATE)
    sizes = np.linspace(0, 2 * lines[0], 400, dtype=np.float32)
    rare, _ = tail.weigh(state, sizes, np.full(400, RATE, np.float32))
    assert rare[0] == 0
    assert (np.diff(rare) > 0).all()
    assert np.diff(rare).max() < 0.03, "no jump, not on the line either"
    assert np.interp(lines[0], sizes, rare) == pytest.approx(1, abs=0.01)
    assert rare[-1] == pytest.approx(2)


def test_what_is_equally_rare_counts_alike_whatever_the_noise() -> None:
    """A hundredth of the values lies beyond 2.6 of a normal scatter, and 4.6 exponential ones."""
    rate = np.full(SHAPE[1], RATE, np.float32)
    seen = {}
    for noise in ("normal", "exponential"):
        sizes = DRAWS[noise](np.random.default_rng(4))
        state = state_after(sizes)
        rare = np.quantile(sizes, 0.99, axis=0).astype(np.float32)
        counted, lines = tail.weigh(state, rare, rate)
        seen[noise] = np.median(counted), np.median(rare / lines)
    (normal, normal_part), (heavy, heavy_part) = seen["normal"], seen["exponential"]
    assert abs(normal - heavy) < 0.05
    assert abs(normal - heavy) < abs(normal_part - heavy_part) / 2
