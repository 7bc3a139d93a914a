"""The pictures: that they are drawn, and that thinning loses no peak."""

import struct
import sys
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from exporter.__main__ import main
from exporter.backtest.picture import draw, figure
from exporter.backtest.run import replay
from exporter.backtest.series import Series
from exporter.backtest.thinning import Bins
from exporter.detectors.scoring import SPEAKERS, Rule
from tests.exporter.backtest.files import noise, with_spike, write


def size(path: Path) -> tuple[int, int]:
    head = path.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", head[16:])
    return int(width), int(height)


def test_each_series_gets_a_picture_beside_its_scores(tmp_path: Path) -> None:
    labels = [int(495 <= i <= 510) for i in range(600)]
    write(tmp_path / "in" / "a" / "one.csv", with_spike(), labels)
    argv = ["backtest", "--csv", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    assert main(argv) == 0
    assert size(tmp_path / "out" / "a" / "one.png") == (1400, 800)


@pytest.mark.parametrize("values", [[], [5.0], [np.nan] * 3, [0.0] * 200, noise(1600)], ids=len)
def test_any_series_can_be_drawn(tmp_path: Path, values: list[float]) -> None:
    times = np.array([1e9 + 60 * i for i in range(len(values))])
    times[1:3] = times[:2]
    series = Series(PurePosixPath("one.csv"), times, np.array(values, float), "")
    ((one,),) = replay([series], Rule(60.0), [1.0])
    draw(one, SPEAKERS, tmp_path / "one.png")
    assert size(tmp_path / "one.png") == (1400, 800)


def test_every_alarm_stands_in_the_lane_of_who_raised_it_however_many_there_are() -> None:
    values = noise(3000)
    values[400:2800:120] = [40.0 * 2**i for i in range(20)]
    values[2800:] = [values[2800]] * 200
    times = 1.7e9 + 60 * np.arange(len(values), dtype=float)
    series = Series(PurePosixPath("one.csv"), times, np.array(values), "", ((1.7e9, 1.8e9),))
    ((one,),) = replay([series], Rule(60.0), [1.0])
    raised = np.flatnonzero(one.alarms)
    drawing = figure(one, SPEAKERS)
    lanes = [label.get_text() for label in drawing.axes[1].get_yticklabels()]
    marks = np.asarray(drawing.axes[1].lines[0].get_ydata()).tolist()
    assert len(raised) > 12
    assert len(lanes) > 1
    assert [lanes[mark] for mark in marks] == [SPEAKERS[view] for view in one.view[raised]]
    title = f"one.csv: {len(raised)} alarms, 1 of 1 labelled windows found"
    assert drawing.get_suptitle() == title


def test_no_peak_of_the_band_is_lost_however_long_the_series_is() -> None:
    values = np.array(noise(16_000))
    values[::60] += 300.0
    times = 1.7e9 + 60 * np.arange(len(values), dtype=float)
    series = Series(PurePosixPath("hourly.csv"), times, values, "")
    ((one,),) = replay([series], Rule(60.0), [1.0])
    axes = figure(one, SPEAKERS).axes[0]
    band = axes.collections[0].get_paths()[0].vertices
    drawn = np.asarray(band)[:, 1]
    assert drawn.max() == np.nanmax(one.column("upper")) > 250
    assert drawn.min() == np.nanmin(one.column("lower"))
    value = np.asarray(axes.lines[1].get_ydata())
    assert (value.min(), value.max()) == (values.min(), values.max())


def test_thinning_keeps_every_extreme_and_the_mean() -> None:
    values = np.random.default_rng(1).standard_normal(100_000)
    values[[777, 50_000]] = -90, np.nan
    bins = Bins.of(np.arange(100_000.0))
    assert bins.times.size == 1500
    assert np.nanmin(bins.extremes(values)) == -90
    assert np.nanmax(bins.highest(values)) == np.nanmax(values)
    assert abs(np.mean(bins.mean(values)) - np.nanmean(values)) < 1e-2


def test_a_line_is_interrupted_by_a_gap() -> None:
    bins = Bins.of(np.array([0.0, 1, 2, 50, 51]))
    np.testing.assert_array_equal(bins.times, [0, 1, 2, 50, 50, 51])
    np.testing.assert_array_equal(bins.highest(np.arange(5.0)), [0, 1, 2, np.nan, 3, 4])


def test_without_matplotlib_the_remedy_is_said_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    path = write(tmp_path / "one.csv", noise(10))
    argv = ["backtest", "--csv", str(path), "--out", str(tmp_path / "out")]
    assert main(argv) == 1
    remedy = f"run {sys.executable} -m pip install matplotlib, or give --no-pictures"
    assert remedy in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main([*argv, "--no-pictures"]) == 0
