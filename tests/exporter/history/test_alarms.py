from collections.abc import Sequence

import numpy as np

from exporter.history.alarms import REASON, REMEMBERED, Alarms
from exporter.model import FloatArray

ROWS = np.arange(3)


def fields(totals: Sequence[float], value: float = 0.0) -> dict[str, FloatArray]:
    """Return a tick's fields: so many alarms so far, and this value and reason."""
    reason = dict.fromkeys(REASON, np.full(len(totals), value))
    return {**reason, "total": np.array(totals, float)}


def test_a_word_is_about_the_latest_alarm_before_it() -> None:
    alarms = Alarms(3)
    alarms.forget(ROWS)
    for now, total in enumerate([np.nan, 0, 1, 1, 2]):
        alarms.note(ROWS, 100.0 * now, fields([total, 0, np.nan]))
    found = [alarms.before(0, moment) for moment in (100, 199.5, 200, 398, 400, 9e9)]
    assert found == [None, 200, 200, 200, 400, 400]
    assert alarms.before(1, 9e9) is None
    assert alarms.before(2, 9e9) is None
    assert alarms.before(-1, 9e9) is None


def test_an_alarm_at_the_very_first_score_counts_and_those_of_an_unknown_past_do_not() -> None:
    alarms = Alarms(3)
    alarms.forget(np.array([0]))
    alarms.note(ROWS, 100.0, fields([1, 7, np.nan]))
    assert [alarms.before(row, 100) for row in range(3)] == [100, None, None]
    alarms.note(ROWS, 200.0, fields([1, 8, np.nan]))
    assert alarms.before(1, 200) == 200


def test_the_reason_is_kept_until_the_next_alarm_and_no_longer_than_the_series() -> None:
    alarms = Alarms(3)
    alarms.forget(ROWS)
    alarms.note(ROWS, 100.0, fields([1, 0, 0], value=7))
    for tick in range(100):
        alarms.note(ROWS, 200.0 + tick, fields([1, 0, np.nan], value=8))
    assert alarms.latest(0) == (100, dict.fromkeys(REASON, 7))
    assert alarms.latest(1) is None
    alarms.note(ROWS, 400.0, fields([2, 0, 0], value=9))
    assert alarms.latest(0) == (400, dict.fromkeys(REASON, 9))
    alarms.forget(np.array([0]))
    assert alarms.latest(0) is None
    assert alarms.before(0, 9e9) is None


def test_of_many_alarms_the_latest_are_known() -> None:
    alarms = Alarms(1)
    alarms.forget(np.array([0]))
    for tick in range(1, 41):
        alarms.note(np.array([0]), float(tick), fields([tick]))
    assert alarms.times(0) == list(range(41 - REMEMBERED, 41))
