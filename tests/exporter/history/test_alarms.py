import numpy as np

from exporter.history.alarms import Alarms

ROWS = np.arange(3)


def test_a_word_is_about_the_latest_alarm_before_it() -> None:
    alarms = Alarms(3)
    alarms.forget(ROWS)
    for now, total in enumerate([np.nan, 0, 1, 1, 2]):
        alarms.note(ROWS, 100.0 * now, np.array([total, 0, np.nan]))
    found = [alarms.before(0, moment) for moment in (100, 199.5, 200, 398, 400, 9e9)]
    assert found == [None, 200, 200, 200, 400, 400]
    assert alarms.before(1, 9e9) is None
    assert alarms.before(2, 9e9) is None
    assert alarms.before(-1, 9e9) is None


def test_an_alarm_at_the_very_first_score_counts_and_those_before_a_restart_do_not() -> None:
    alarms = Alarms(3)
    alarms.forget(np.array([0]))
    alarms.note(ROWS, 100.0, np.array([1.0, 7.0, np.nan]))
    assert [alarms.before(row, 100) for row in range(3)] == [100, None, None]
    alarms.note(ROWS, 200.0, np.array([1.0, 8.0, np.nan]))
    assert alarms.before(1, 200) == 200


def test_a_row_that_another_series_has_now_has_no_alarms() -> None:
    alarms = Alarms(1)
    alarms.forget(np.array([0]))
    alarms.note(np.array([0]), 100.0, np.array([1.0]))
    alarms.forget(np.array([0]))
    assert alarms.before(0, 200) is None
