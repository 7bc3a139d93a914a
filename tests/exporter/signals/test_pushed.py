import time

import numpy as np

from exporter.model import Block, SeriesKey
from exporter.signals.pushed import Observation, Pushed

NOW = time.time()


def seen(name: str, value: float, at: float = NOW) -> Observation:
    return Observation(SeriesKey(name), value, at)


async def take(pushed: Pushed) -> Block:
    return (await pushed.take(0))[0]


async def test_a_value_is_taken_by_the_next_tick_and_only_by_that_one() -> None:
    pushed = Pushed()
    pushed.push([seen("orders", 5, NOW - 3), seen("carts", 2)])
    first, second = await take(pushed), await take(pushed)
    assert first.keys == (SeriesKey("orders"), SeriesKey("carts"))
    assert first.values.tolist() == [5, 2]
    assert first.times.tolist() == [NOW - 3, NOW]
    assert second.keys is first.keys
    assert np.isnan(second.values).all()


async def test_of_several_values_between_two_ticks_the_newest_stands_and_the_rest_is_counted() -> (
    None
):
    pushed = Pushed()
    assert pushed.push([seen("orders", 5, NOW - 3), seen("orders", 6, NOW)]) == {"taken": 2}
    assert pushed.push([seen("orders", 4, NOW - 9)]) == {"late": 1}
    assert (await take(pushed)).values.tolist() == [6]
    assert pushed.counts == {"taken": 1, "superseded": 1, "late": 1, "series_limit": 0}


async def test_of_a_value_a_second_each_tick_scores_the_last_and_no_count_ever_falls() -> None:
    pushed, scored, taken = Pushed(), [], [0]
    for second in range(45):
        assert pushed.push([seen("orders", second, NOW - 60 + second)]) == {"taken": 1}
        taken.append(pushed.counts["taken"])
        if second % 15 == 14:
            scored += (await take(pushed)).values.tolist()
    assert scored == [14, 29, 44]
    assert taken == sorted(taken)
    assert pushed.counts == {"taken": 3, "superseded": 42, "late": 0, "series_limit": 0}


async def test_new_series_beyond_the_limit_are_refused_and_known_ones_go_on() -> None:
    pushed = Pushed(limit=2)
    assert pushed.push(seen(name, 1) for name in "abc") == {"taken": 2, "series_limit": 1}
    assert pushed.push([seen("a", 2, NOW + 1)]) == {"taken": 1}
    assert len((await take(pushed)).keys) == 2


async def test_a_series_that_is_sent_no_more_is_forgotten_after_an_hour() -> None:
    pushed = Pushed(limit=2)
    pushed.push([seen("older", 1, time.time() - 3601), seen("old", 1, time.time() - 3500)])
    assert (await take(pushed)).keys == (SeriesKey("old"),)
    assert pushed.push([seen("new", 1)]) == {"taken": 1}
