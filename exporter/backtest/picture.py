"""Draws one series: its values, the expected band, its alarms, and below the scores.

matplotlib is imported when the first picture is drawn: only this command needs it.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from exporter.backtest.labels import compare
from exporter.backtest.run import Replay
from exporter.backtest.series import InputError
from exporter.backtest.thinning import Bins
from exporter.model import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARGIN = 0.15
"""Of the values' range, how much is shown beyond: a wide band must not flatten them."""
_SIZE, _DPI, _LANE = (14, 8), 100, 0.25
"""Inches, dots an inch, and the inches of a lane."""
_LARGE = 1e4
"""From here on the axis says 20k and 3M."""
_BLUE, _RED, _GREY, _GREEN, _ORANGE, _VIOLET = (
    *("#1f6feb", "#d1242f", "#afb8c1", "#2da44e", "#bf8700", "#8250df"),
)


def check() -> None:
    """Raise InputError with the remedy where nothing can be drawn."""
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise InputError(
            f"pictures need matplotlib; run {sys.executable} -m pip install matplotlib,"
            " or give --no-pictures"
        ) from error
    # What a font lacks, e.g. Chinese in a file's name, is drawn as a box: no matter for a log.
    mpl.set_loglevel("ERROR")


def draw(replay: Replay, speakers: Sequence[str], path: Path) -> None:
    """Draw a PNG; `speakers` names the views by their index."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure(replay, speakers).savefig(path, dpi=_DPI)


def figure(replay: Replay, speakers: Sequence[str]) -> "Figure":
    """Draw the values, a lane for each view that raised alarms, and the scores, one below another.

    Lanes name every alarm, and names never cover each other however close alarms are.
    """
    from matplotlib.figure import Figure

    raised = np.flatnonzero(replay.alarms)
    lanes = sorted({speakers[view] for view in replay.view[raised]}, key=speakers.index)
    middle = _LANE * max(len(lanes), 1)
    drawing = Figure(figsize=_SIZE, layout="constrained")
    heights = (0.6 * (_SIZE[1] - middle), middle, 0.4 * (_SIZE[1] - middle))
    above, between, below = drawing.subplots(3, 1, sharex=True, height_ratios=heights)
    bins = Bins.of(replay.series.times)
    _values(above, bins, replay)
    _scores(below, bins, replay)
    _who(between, replay, lanes, [speakers[view] for view in replay.view[raised]])
    for axes in (above, between, below):
        _mark(axes, replay)
    drawing.suptitle(_title(replay), x=0.01, ha="left")
    _finish(above, below)
    return drawing


def _title(replay: Replay) -> str:
    alarms = int(replay.alarms.sum())
    title = f"{replay.series.name}: {alarms} alarm{'' if alarms == 1 else 's'}"
    if marks := compare(replay):
        title += f", {len(marks.delays)} of {marks.windows} labelled windows found"
    return title


def _finish(above: "Axes", below: "Axes") -> None:
    """Say what is what, beside the axes: within them it would cover what happened there."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    for axes in (above, below):
        axes.grid(color="#eaeef2")
        axes.set_axisbelow(True)
        axes.margins(x=0.01)
        axes.legend(
            loc="lower right", bbox_to_anchor=(1, 1), fontsize="small", ncols=6, frameon=False
        )
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    below.xaxis.set_major_locator(locator)
    plain = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
    below.xaxis.set_major_formatter(plain)
    below.set_xlabel("UTC", loc="left", fontsize="small")


def _moments(times: FloatArray) -> Any:
    """Return times as matplotlib takes them."""
    return (times * 1000).astype("datetime64[ms]")


def _values(axes: "Axes", bins: Bins, replay: Replay) -> None:
    from matplotlib.ticker import EngFormatter

    values, moments = replay.series.values, _moments(bins.times)
    # A mean would hide how far the band opens for a moment, and show what it allows as outside.
    lower, upper = bins.lowest(replay.column("lower")), bins.highest(replay.column("upper"))
    expected = bins.mean(replay.column("expected"))
    axes.fill_between(moments, lower, upper, color=_GREY, alpha=0.35, lw=0, label="expected band")
    axes.plot(moments, expected, color=_GREY, lw=0.8, label="expected")
    axes.plot(_moments(bins.both), bins.extremes(values), color=_BLUE, lw=0.8, label="value")
    axes.set_ylabel("value")
    known = values[np.isfinite(values)]
    if known.size and np.abs(known).max() >= _LARGE:
        axes.yaxis.set_major_formatter(EngFormatter(sep=""))
    if known.size and np.ptp(known):
        room = _MARGIN * float(np.ptp(known))
        axes.set_ylim(float(known.min()) - room, float(known.max()) + room)


def _scores(axes: "Axes", bins: Bins, replay: Replay) -> None:
    moments = _moments(bins.times)
    for name, colour, width in (
        ("deviation", _ORANGE, 0.6),
        ("novelty", _GREEN, 0.9),
        ("anomaly_score", _RED, 1.1),
    ):
        axes.plot(moments, bins.highest(replay.column(name)), color=colour, lw=width, label=name)
    axes.axhline(1, color="black", lw=0.8, ls="--", label="alarm line, 1")
    axes.set_yscale("symlog", linthresh=2, linscale=1.5)
    axes.set_ylim(bottom=0, top=max(2.0, 3 * axes.get_ylim()[1]))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_ylabel("score")


def _mark(axes: "Axes", replay: Replay) -> None:
    """Shade what people have labelled, and draw a line through each alarm.

    So the eye finds its value, its view and its score. A moment is shaded as wide as a line.
    """
    for i, (start, end) in enumerate(replay.series.windows or ()):
        first, last = _moments(np.array([start, end]))
        name = None if i else "labelled"
        axes.axvspan(first, last, color=_VIOLET, alpha=0.15, lw=1, label=name)
    if replay.alarms.any():
        moments = _moments(replay.series.times[replay.alarms])
        height = axes.get_xaxis_transform()
        axes.vlines(moments, 0, 1, colors=_RED, lw=0.8, alpha=0.35, transform=height, label="alarm")


def _who(axes: "Axes", replay: Replay, lanes: Sequence[str], names: Sequence[str]) -> None:
    """Mark each alarm in the lane of the view that spoke."""
    moments = _moments(replay.series.times[replay.alarms])
    axes.plot(moments, [lanes.index(name) for name in names], "o", color=_RED, ms=5)
    axes.set_yticks(range(len(lanes)), lanes)
    axes.set_ylim(max(len(lanes), 1) - 0.5, -0.5)
    axes.set_ylabel("raised by")
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="y", color="#eaeef2")
    axes.set_axisbelow(True)
