import io
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.image import imread

from receiver.model import Language
from receiver.pictures import drawing
from receiver.pictures.chart import Chart
from tests.receiver.pictures.charts import END, chart, line


@pytest.fixture(autouse=True)
def settings() -> Iterator[None]:
    with mpl.rc_context():
        drawing.prepare()
        yield


def pixels(drawn: Chart) -> Any:
    return np.round(imread(io.BytesIO(drawing.draw(drawn)))[:, :, :3] * 255).astype(int)


def count(image: Any, color: str) -> int:
    wanted = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(image - wanted).max(axis=2) < 12).sum())


def test_a_picture_shows_line_limit_and_the_time_in_which_it_fired() -> None:
    image = pixels(chart())
    assert image.shape == (540, 960, 3)
    assert count(image, "#1f6fb5") > 1_000  # the line
    assert count(image, "#d32f2f") > 1_000  # the limit and when it began
    assert count(image, "#f9e9e9") > 20_000  # a quarter of the hour is shaded


def test_a_band_is_drawn_where_both_of_its_bounds_are_known() -> None:
    lower, upper = line("", *[0.1] * 12), line("", *[0.3] * 11)
    banded = pixels(chart(lower=lower, upper=upper, limit=None))
    assert count(banded, "#cce1f6") > 2_000
    assert count(pixels(chart(limit=None)), "#cce1f6") < 500


def test_text_that_came_with_an_alert_is_no_formula_and_cannot_break_it() -> None:
    for title in ("$\\frac{1}$", "\\undefined $x", "👩‍👩‍👧 ☠️", "\x1b[2J", "长" * 500, ""):
        assert drawing.draw(chart(title=title, lines=(line(title, 1.0), line("b", 2.0))))


def test_extreme_values_can_be_drawn() -> None:
    extreme = ((1e300, -1e300), (0.0, 0.0), (5e-324, 1.0), (1.0,))
    for values, unit in zip(extreme, ("bytes", "seconds", "ratio", ""), strict=True):
        assert drawing.draw(chart(unit=unit, lines=(line("a", *values),), limit=None))


def test_without_a_font_for_chinese_its_own_words_are_english() -> None:
    drawing.prepare(frozenset({"DejaVu Sans"}))
    assert not drawing.reads_chinese()
    other = {"timezone": "UTC", "title": "x"}
    assert drawing.draw(chart(language=Language.ZH, **other)) == drawing.draw(chart(**other))
    assert drawing._legible("内存 x", 20) == "?? x"


def test_a_font_for_chinese_is_found_by_its_name() -> None:
    drawing.prepare(frozenset({"Helvetica", "WenQuanYi Zen Hei"}))
    assert mpl.rcParams["font.family"] == ["DejaVu Sans", "WenQuanYi Zen Hei"]
    assert drawing._legible("内存不足", 5) == "内…"


@pytest.mark.parametrize(
    ("unit", "top", "step"), [("bytes", 5 * 2**30, 2**30), ("seconds", 7_200, 7_200)]
)
def test_ticks_are_round_in_the_unit_that_people_read(unit: str, top: float, step: float) -> None:
    ticks = drawing._Round(unit).tick_values(0, top)
    assert {tick % (step / 4) for tick in ticks} == {0}
    assert 3 <= len(ticks) <= 8


def test_an_alert_that_began_before_the_picture_is_shaded_from_its_edge() -> None:
    image = pixels(chart(since=END - 90_000))
    assert count(image, "#f9e9e9") > 100_000
