import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from exporter.model import SeriesKey
from exporter.signals.slots import Slots


def keys(*names: str) -> tuple[SeriesKey, ...]:
    return tuple(SeriesKey(name) for name in names)


def test_a_series_keeps_its_row_while_it_comes_and_goes() -> None:
    slots = Slots(8, ttl=100)
    first = slots.place(keys("a", "b"), 0)
    assert set(first.fresh) == set(first.rows)
    assert slots.place(keys("b"), 10).fresh.size == 0
    back = slots.place(keys("a", "b"), 20)
    assert list(back.rows) == list(first.rows)
    assert back.fresh.size == 0


def test_a_series_that_stays_away_too_long_is_new_again() -> None:
    slots = Slots(8, ttl=100)
    row = slots.place(keys("a", "b"), 0).rows[0]
    slots.place(keys("b"), 60)
    slots.place(keys("b"), 120)
    assert len(slots) == 1
    back = slots.place(keys("b", "a"), 130)
    assert list(back.fresh) == [row]


def test_when_rows_run_out_the_series_away_longest_loses_its_own() -> None:
    slots = Slots(2, ttl=1e9)
    both = slots.place(keys("a", "b"), 0)
    slots.place(keys("b"), 1)
    slots.place(keys("a"), 2)
    third = slots.place(keys("a", "c"), 3)
    assert list(third.fresh) == [both.rows[1]]
    assert third.rows[0] == both.rows[0]


NAMES = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=4)


@given(st.lists(st.tuples(NAMES, st.integers(0, 30)), max_size=30))
def test_no_two_series_ever_share_a_row_and_a_new_row_is_always_told(
    visits: list[tuple[list[str], int]],
) -> None:
    slots = Slots(4, ttl=50)
    owner: dict[int, str] = {}
    now = 0
    for names, pause in visits:
        now += pause
        place = slots.place(keys(*names), now)
        assert len(set(place.rows)) == len(names)
        fresh = set(place.fresh.tolist())
        for name, row in zip(names, place.rows.tolist(), strict=True):
            assert row in fresh or owner[row] == name
            owner[row] = name
        assert np.all(place.rows < 4)
