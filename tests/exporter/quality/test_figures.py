import math

import pytest

from exporter.quality.figures import Counts


@pytest.mark.parametrize(
    ("counts", "precision", "recall", "f1"),
    [
        (Counts(true=3, false=1, missed=2), 0.75, 0.6, 2 / 3),
        (Counts(true=2), 1, 1, 1),
        (Counts(false=5), 0, math.nan, 0),
        (Counts(missed=5), math.nan, 0, 0),
        (Counts(), math.nan, math.nan, math.nan),
    ],
)
def test_how_often_alarms_were_right(
    counts: Counts, precision: float, recall: float, f1: float
) -> None:
    measured = (counts.precision, counts.recall, counts.f1)
    assert measured == pytest.approx((precision, recall, f1), nan_ok=True)


@pytest.mark.parametrize(
    ("counts", "factor"),
    [
        (Counts(), 1),
        (Counts(true=7), 1),
        (Counts(false=1), 1 / 2),
        (Counts(missed=1), 2),
        (Counts(true=9, false=10), 10 / 20),
        (Counts(false=500), 1 / 20),
        (Counts(missed=500), 20),
    ],
)
def test_false_alarms_make_a_series_less_sensitive_and_missed_ones_more(
    counts: Counts, factor: float
) -> None:
    assert counts.factor == pytest.approx(factor)
