import math

import numpy as np
import pytest

from exporter.signals.rates import Rates, Raw
from exporter.signals.slots import Placement

GAP = 75.0


class Counter:
    """One counter, read at given times."""

    def __init__(self) -> None:
        self._rates = Rates(4)
        self._fresh = True

    def read(self, value: float, now: float, members: int = 1) -> float:
        rows = np.array([2])
        fresh = rows if self._fresh else rows[:0]
        self._fresh = False
        raw = Raw(np.array([value]), np.array([float(members)]), np.array([True]))
        return float(self._rates.advance(Placement(rows, fresh), raw, now, GAP)[0])


def test_a_rate_needs_two_values_and_spans_the_time_that_truly_passed() -> None:
    counter = Counter()
    assert math.isnan(counter.read(100, 0))
    assert counter.read(130, 15) == 2.0
    assert counter.read(190, 45) == 2.0, "a tick was missed between"


@pytest.mark.parametrize(
    ("value", "now", "members", "why"),
    [
        (90, 15, 1, "it fell: a reset"),
        (99.99, 15, 1, "it slipped back a little"),
        (400, 76, 1, "the gap is too long"),
        (400, 15, 2, "it has another number of parts"),
        (400, 0, 1, "no time has passed"),
        (math.nan, 15, 1, "it has no value"),
    ],
)
def test_a_rate_is_missing_where(value: float, now: float, members: int, why: str) -> None:
    counter = Counter()
    counter.read(100, 0)
    assert math.isnan(counter.read(value, now, members)), why


def test_after_a_reset_the_rate_starts_from_the_new_value() -> None:
    counter = Counter()
    counter.read(1000, 0)
    counter.read(3, 15)
    assert counter.read(18, 30) == 1.0


def test_a_missing_value_does_not_lose_the_one_before() -> None:
    counter = Counter()
    counter.read(100, 0)
    counter.read(math.nan, 15)
    assert counter.read(160, 30) == 2.0


def test_a_row_that_another_series_takes_over_starts_anew() -> None:
    rates = Rates(4)
    rows = np.array([1])
    raw = Raw(np.array([5.0]), np.array([1.0]), np.array([True]))
    rates.advance(Placement(rows, rows), raw, 0, GAP)
    assert np.isnan(rates.advance(Placement(rows, rows), raw, 15, GAP)).all()


def test_a_gauge_stays_as_it_is() -> None:
    rows = np.array([0])
    raw = Raw(np.array([-3.5]), np.array([1.0]), np.array([False]))
    assert Rates(1).advance(Placement(rows, rows), raw, 0, GAP).tolist() == [-3.5]
