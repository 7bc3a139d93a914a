"""The replay itself."""

from pathlib import Path

import numpy as np

from exporter.backtest.reader import read
from exporter.backtest.run import replay
from exporter.detectors.scoring import Rule
from tests.exporter.backtest.files import noise, write


def test_side_by_side_each_series_is_scored_as_if_alone(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{i}.csv", noise(n, i)) for i, n in enumerate((200, 0, 350, 350))]
    series = [read(path, tmp_path) for path in paths]
    (together,) = replay(series, Rule(60.0), [1.0])
    for one, beside in zip(series, together, strict=True):
        ((alone,),) = replay([one], Rule(60.0), [1.0])
        assert beside.series is one
        np.testing.assert_array_equal(alone.columns, beside.columns)
        np.testing.assert_array_equal(alone.alarms, beside.alarms)
