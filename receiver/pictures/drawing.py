"""Draws a chart with matplotlib; imported in the drawing process alone.

A phone shows 960 pixels on some 375 points, so letters are as large as they would be on a slide.
"""

import io
from unicodedata import east_asian_width
from zoneinfo import ZoneInfo

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.ticker import FuncFormatter, MaxNLocator
from PIL import Image

from receiver.messages.numbers import quantity
from receiver.model import Language
from receiver.pictures.chart import Chart, Line

_SIZE, _DPI, _SHADES = (4.8, 2.7), 200, 64
_DAY = 86_400
_INK, _PALE, _BAND, _GRID = "#1f2328", "#656d76", "#b6d4f2", "#e3e6ea"
_COLORS = ("#1f6fb5", "#8250df", "#1a7f37", "#bc4c00", "#bf3989", "#57606a")
_LATIN = "DejaVu Sans"
"""matplotlib brings it along."""
_CHINESE = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC"),
    *("Source Han Sans CN", "PingFang SC", "Microsoft YaHei", "WenQuanYi Micro Hei"),
    *("WenQuanYi Zen Hei", "SimHei", "Droid Sans Fallback"),
)
_TITLE, _LABEL = 36, 18
"""Letters that there is room for; a Chinese one takes that of two."""
_SCALES = {
    **dict.fromkeys(("bytes", "bytes/s"), (2**50, 2**40, 2**30, 2**20, 2**10)),
    "seconds": (_DAY, 3_600, 60),
}


def prepare(fonts: frozenset[str] | None = None) -> None:
    """Choose fonts among those that there are, and keep every text from being read as a formula."""
    known = frozenset(fontManager.get_font_names()) if fonts is None else fonts
    chinese = [name for name in _CHINESE if name in known][:1]
    mpl.rcParams.update(
        {
            "font.family": [_LATIN, *chinese],
            "font.size": 11.5,
            "text.parse_math": False,
            "axes.unicode_minus": False,
            "path.simplify": True,
        }
    )


def reads_chinese() -> bool:
    """Whether a font for Chinese was found."""
    return len(mpl.rcParams["font.family"]) > 1


def draw(chart: Chart) -> bytes:
    """Return a PNG; without a font for Chinese its own words are English."""
    if not reads_chinese():
        chart = chart.model_copy(update={"language": Language.EN})
    figure = Figure(figsize=_SIZE, dpi=_DPI, facecolor="white")
    axes = figure.add_subplot()
    _draw_lines(axes, chart)
    _draw_alert(axes, chart)
    _dress(axes, chart)
    figure.suptitle(
        _legible(chart.title, _TITLE),
        x=0.02,
        y=0.98,
        ha="left",
        va="top",
        fontsize=12.5,
        color=_INK,
        weight="bold",
    )
    figure.tight_layout(pad=0.5)
    return _png(FigureCanvasAgg(figure))


def _png(canvas: FigureCanvasAgg) -> bytes:
    """Write it with the few colours that it has, which takes a quarter of the bytes."""
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = canvas.buffer_rgba()  # type: ignore[no-untyped-call]
    drawn = Image.frombuffer("RGBA", canvas.get_width_height(), pixels, "raw")
    held = io.BytesIO()
    drawn.convert("RGB").quantize(_SHADES).save(held, format="png", optimize=True)
    return held.getvalue()


def _draw_lines(axes: Axes, chart: Chart) -> None:
    if chart.lower is not None and chart.upper is not None:
        lower, upper = _common(chart.lower, chart.upper)
        axes.fill_between(
            _days(lower.times),
            lower.values,
            upper.values,
            color=_BAND,
            linewidth=0,
            alpha=0.7,
            label=chart.word("expected"),
        )
    several = len(chart.lines) > 1
    for line, color in zip(chart.lines, _COLORS, strict=False):
        label = _legible(line.label, _LABEL) if several else "_"
        # A value alone between gaps would not be seen as a line.
        marker = "." if len(line.values) < 3 else ""
        axes.plot(
            _days(line.times), line.values, color=color, linewidth=1.5, marker=marker, label=label
        )


def _common(lower: Line, upper: Line) -> tuple[Line, Line]:
    """Keep the moments at which both bounds are known."""
    both = {*lower.times} & {*upper.times}

    def at(line: Line) -> Line:
        kept = [(t, v) for t, v in zip(line.times, line.values, strict=True) if t in both]
        return Line(label="", times=tuple(t for t, _ in kept), values=tuple(v for _, v in kept))

    return at(lower), at(upper)


def _draw_alert(axes: Axes, chart: Chart) -> None:
    """Shade the time in which it fired, and draw the limit that was passed."""
    since, until = max(chart.since, chart.start), min(chart.until, chart.end)
    if since < until:
        axes.axvspan(since / _DAY, until / _DAY, color=chart.color, alpha=0.1, linewidth=0)
    if chart.start <= chart.since <= chart.end:
        axes.axvline(chart.since / _DAY, color=chart.color, linewidth=1, alpha=0.8)
    if chart.limit is not None:
        text = f"{chart.word('limit')} {quantity(chart.limit, chart.unit)}"
        axes.axhline(chart.limit, color=chart.color, linewidth=1.2, linestyle="--", label=text)


def _dress(axes: Axes, chart: Chart) -> None:
    zone = ZoneInfo(chart.timezone)
    locator = AutoDateLocator(tz=zone, minticks=3, maxticks=5)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    dates = ConciseDateFormatter(locator, tz=zone, show_offset=False)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(dates)
    axes.yaxis.set_major_locator(_Round(chart.unit))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: quantity(value, chart.unit)))
    axes.set_xlim(chart.start / _DAY, chart.end / _DAY)
    axes.margins(y=0.12)
    axes.grid(visible=True, axis="y", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(_GRID)
    axes.tick_params(colors=_PALE, length=0)
    if labels := axes.get_legend_handles_labels()[1]:
        # Above the lines, where it hides none of them.
        axes.legend(
            frameon=False,
            fontsize=10.5,
            labelcolor=_INK,
            loc="lower left",
            bbox_to_anchor=(0, 1),
            borderaxespad=0.1,
            ncols=min(2, len(labels)),
            handlelength=1.4,
            columnspacing=1.2,
        )


class _Round(MaxNLocator):
    """Ticks that are round in the unit in which people read them: GiB, hours."""

    def __init__(self, unit: str) -> None:
        super().__init__(5, steps=[1, 3, 6, 10] if unit == "seconds" else [1, 2, 2.5, 5, 10])
        self._unit = unit

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        largest = max(abs(vmin), abs(vmax))
        scale = next((size for size in _SCALES.get(self._unit, ()) if largest >= 4 * size), 1)
        return [tick * scale for tick in super().tick_values(vmin / scale, vmax / scale)]


def _days(times: tuple[float, ...]) -> list[float]:
    return [seconds / _DAY for seconds in times]


def _legible(text: str, most: int) -> str:
    """Keep what the fonts can draw, and of that as much as there is room for."""
    kept, room = "", most
    for letter in text:
        drawn = letter if letter.isprintable() and _has_glyph(letter) else "?"
        room -= 2 if east_asian_width(drawn) in "WF" else 1
        if room < 0:
            return kept[:-1] + "…"
        kept += drawn
    return kept


def _has_glyph(letter: str) -> bool:
    return letter < "\u2500" or (reads_chinese() and letter <= "\uffee")
