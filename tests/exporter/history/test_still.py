import numpy as np

from exporter.history.still import Still


def test_a_series_that_stands_still_does_so_since_its_first_value_of_the_kind() -> None:
    still, rows = Still(4), np.array([2, 0])
    found = [
        still.note(rows, np.array(values), np.full(2, 10.0 * tick)).tolist()
        for tick, values in enumerate(
            [[1.0, 5.0], [1.0, np.nan], [1.0 + 1e-12, 5.0], [2.0, 5.0], [1e300, np.inf]]
        )
    ]
    assert found == [[0, 0], [0, 0], [0, 0], [30, 0], [40, 0]]
    still.forget(rows)
    assert np.isnan(still.note(rows, np.full(2, np.nan), np.full(2, 99.0))).all()
