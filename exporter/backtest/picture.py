"""Draws one series: its values, the expected band, its alarms, and below the scores.

matplotlib is imported when the first picture is drawn: only this command needs it.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from exporter.backtest.run import Replay
from exporter.backtest.series import InputError
from exporter.backtest.thinning import Bins
from exporter.model import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NAMED = 12
"""At how many alarms, the highest, the view is named: more would cover each other."""
_MARGIN = 0.15
"""Of the values' range, how much is shown beyond: a wide band must not flatten them."""
_BLUE, _RED, _GREY, _GREEN, _ORANGE = "#1f6feb", "#d1242f", "#afb8c1", "#2da44e", "#bf8700"


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
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 7), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    bins = Bins.of(replay.series.times)
    _values(above, bins, replay)
    _scores(below, bins, replay)
    for axes in (above, below):
        _labels(axes, replay)
        axes.grid(color="#eaeef2")
        axes.set_axisbelow(True)
        axes.margins(x=0.01)
        # Beside the title: within the axes it would cover what happened there.
        axes.legend(
            loc="lower right", bbox_to_anchor=(1, 1), fontsize="small", ncols=5, frameon=False
        )
    _alarms(above, below, replay, speakers)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)


def _moments(times: FloatArray) -> Any:
    """Return times as matplotlib takes them."""
    return (times * 1000).astype("datetime64[ms]")


def _values(axes: "Axes", bins: Bins, replay: Replay) -> None:
    values, moments = replay.series.values, _moments(bins.times)
    lower, upper, expected = (
        bins.mean(replay.column(name)) for name in ("lower", "upper", "expected")
    )
    axes.fill_between(moments, lower, upper, color=_GREY, alpha=0.35, lw=0, label="expected band")
    axes.plot(moments, expected, color=_GREY, lw=0.8, label="expected")
    axes.plot(_moments(bins.both), bins.extremes(values), color=_BLUE, lw=0.8, label="value")
    known = values[np.isfinite(values)]
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
    axes.axhline(1, color="black", lw=0.8, ls="--", label="alarm line")
    axes.set_yscale("symlog", linthresh=2, linscale=1.5)
    axes.set_ylim(bottom=0, top=max(2.0, 3 * axes.get_ylim()[1]))
    axes.yaxis.set_major_formatter("{x:g}")


def _labels(axes: "Axes", replay: Replay) -> None:
    """Shade what people have labelled; a moment is drawn as wide as a line."""
    for i, (start, end) in enumerate(replay.series.windows or ()):
        first, last = _moments(np.array([start, end]))
        name = None if i else "labelled"
        axes.axvspan(first, last, color=_GREEN, alpha=0.18, lw=1, label=name)


def _alarms(above: "Axes", below: "Axes", replay: Replay, speakers: Sequence[str]) -> None:
    """Mark each alarm, and name the view that spoke at the highest."""
    raised = np.flatnonzero(replay.alarms)
    number = f"{raised.size} alarm{'' if raised.size == 1 else 's'}"
    above.set_title(f"{replay.series.name}: {number}", loc="left")
    moments, score = _moments(replay.series.times), replay.column("anomaly_score")
    above.plot(moments[raised], replay.series.values[raised], "o", color=_RED, ms=5, mfc="none")
    below.plot(moments[raised], score[raised], "o", color=_RED, ms=4, mfc="none")
    for row in sorted(raised, key=lambda row: -score[row])[:_NAMED]:
        view = int(replay.view[row])
        below.annotate(
            speakers[view] if 0 <= view < len(speakers) else "",
            (moments[row], score[row]),
            xytext=(3, 5),
            textcoords="offset points",
            fontsize="x-small",
            rotation=40,
        )
