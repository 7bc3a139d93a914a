"""The table on standard output: what would have been raised, and how often that was right."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from exporter.backtest.labels import Marks, compare
from exporter.backtest.run import Replay

_WEEK = 604_800.0
_PLAIN = ("values", "scored", "alarms", "a week", "highest", "when")
_LABELLED = ("windows", "found", "precision", "recall", "delay")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: a series, or several taken together.

    `seconds` is how long the series were scored for, and `when` the row's own text.
    """

    name: str
    values: int
    scored: int
    alarms: int
    seconds: float
    highest: float
    when: str
    marks: Marks | None


def line(replay: Replay) -> Line:
    """Sum up one series."""
    score = replay.column("anomaly_score")
    scored = np.isfinite(score)
    times = replay.series.times[scored]
    best = int(np.nanargmax(score)) if scored.any() else None
    return Line(
        str(replay.series.name),
        int(np.isfinite(replay.series.values).sum()),
        int(scored.sum()),
        int(replay.alarms.sum()),
        float(np.ptp(times)) if times.size else 0.0,
        math.nan if best is None else float(score[best]),
        "" if best is None else replay.series.rows()[best].partition(",")[0],
        compare(replay),
    )


def together(lines: Sequence[Line], name: str) -> Line:
    """Sum up several lines; `when` names the series of the highest score."""
    scored = [one for one in lines if one.scored]
    best = max(scored, key=lambda one: one.highest, default=None)
    marks = [one.marks for one in lines if one.marks]
    return Line(
        name,
        sum(one.values for one in lines),
        sum(one.scored for one in lines),
        sum(one.alarms for one in lines),
        sum(one.seconds for one in lines),
        best.highest if best else math.nan,
        best.name if best else "",
        Marks.sum(marks) if marks else None,
    )


def report(lines: Mapping[str, Sequence[Line]]) -> str:
    """Render a table for each sensitivity, and where there are several, one that compares them."""
    several = len(lines) > 1
    text = ""
    for word, some in lines.items():
        body = sorted(some, key=lambda one: one.name)
        total = [together(some, "all")] if len(some) > 1 else []
        text += (f"sensitivity {word}\n" if several else "") + table([*body, *total])
        text += "\n" if several else ""
    totals = [together(some, word) for word, some in lines.items()]
    return text + (table(totals, "sensitivity") if several else "")


def table(lines: Sequence[Line], first: str = "series") -> str:
    """Render lines as a table, with the columns of labels where one of them has any.

    `first` heads the column of names.
    """
    labelled = any(one.marks for one in lines)
    head = [first, *_PLAIN, *(_LABELLED if labelled else ())]
    rows = [head, *(_cells(one, labelled=labelled) for one in lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    left = {0, head.index("when")}
    return "".join(
        "  ".join(
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        + "\n"
        for row in rows
    )


def _cells(one: Line, *, labelled: bool) -> list[str]:
    week = one.alarms * _WEEK / one.seconds if one.seconds else math.nan
    cells = [one.name, str(one.values), str(one.scored), str(one.alarms)]
    cells += [_number(week, ".2f"), _number(one.highest, ".2f"), one.when]
    if labelled and one.marks:
        marks = one.marks
        cells += [str(marks.windows), str(len(marks.delays))]
        cells += [_number(marks.precision, ".2f"), _number(marks.recall, ".2f")]
        cells.append(_span(marks.delay))
    elif labelled:
        cells += ["-"] * len(_LABELLED)
    return cells


def _number(value: float, spelling: str) -> str:
    return "-" if math.isnan(value) else format(value, spelling)


def _span(seconds: float) -> str:
    """Spell a duration by its largest unit, e.g. 1.5h."""
    if math.isnan(seconds):
        return "-"
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f}{unit}"
    return f"{seconds:.0f}s"
