import numpy as np
import pytest

from exporter.history.rings import FIELDS, Rings


def note(rings: Rings, now: float, **values: float) -> None:
    """Note a value for each of the rows r0, r1, ...; the other fields are its double."""
    rows = np.array([int(name[1:]) for name in values], np.intp)
    own = np.array(list(values.values()))
    rings.note(rows, now, {name: own if name == "value" else own * 2 for name in FIELDS})


def test_the_latest_ticks_of_a_row_are_returned_oldest_first() -> None:
    rings = Rings(capacity=4, depth=3)
    for now in range(5):
        note(rings, now, r0=10 + now, r2=20 + now)
    recent = rings.of(2)
    assert recent.times.tolist() == [2, 3, 4]
    assert recent.fields["value"].tolist() == [22, 23, 24]
    assert recent.fields["score"].tolist() == [44, 46, 48]


def test_a_tick_without_the_series_is_a_gap() -> None:
    rings = Rings(capacity=4, depth=5)
    note(rings, 0, r0=1, r1=1)
    note(rings, 1, r1=2)
    note(rings, 2, r0=3, r1=3)
    assert rings.of(0).fields["value"].tolist() == pytest.approx([1, np.nan, 3], nan_ok=True)


def test_a_row_that_begins_anew_has_nothing_of_the_series_before() -> None:
    rings = Rings(capacity=4, depth=5)
    note(rings, 0, r0=1, r1=1)
    rings.forget(np.array([0, 3], np.intp))
    note(rings, 1, r0=2, r1=2)
    assert rings.of(0).fields["value"].tolist() == [2]
    assert rings.of(1).fields["value"].tolist() == [1, 2]
    both = rings.of_all(np.array([0, 1], np.intp), ("value",)).fields["value"]
    assert both.tolist() == pytest.approx(np.array([[np.nan, 1], [2, 2]]), nan_ok=True)


def test_rows_beyond_the_bound_have_no_history_and_cost_nothing() -> None:
    rings = Rings(capacity=10, depth=3, most=2)
    note(rings, 0, r1=1, r9=9)
    rings.forget(np.array([9], np.intp))
    assert [rings.keeps(row) for row in (1, 9)] == [True, False]
    assert rings.of(9).fields["value"].tolist() == []
    assert rings.of(1).fields["value"].tolist() == [1]


def test_before_the_first_tick_there_is_nothing() -> None:
    assert Rings(capacity=2).of(0).times.tolist() == []


def test_a_number_beyond_single_precision_is_infinite() -> None:
    rings = Rings(capacity=2)
    note(rings, 0, r0=1e300)
    assert rings.of(0).fields["value"].tolist() == [np.inf]


def test_a_row_that_was_known_before_and_comes_late_has_gaps_until_then() -> None:
    rings = Rings(capacity=4)
    note(rings, 0, r0=1)
    note(rings, 1, r0=1, r1=2)
    assert rings.of(1).fields["value"].tolist() == pytest.approx([np.nan, 2], nan_ok=True)
