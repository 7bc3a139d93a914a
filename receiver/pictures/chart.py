"""What a picture shows; nothing of how."""

from typing import Literal

from receiver.model import Language
from receiver.settings import Section

_TEXTS = {
    Language.EN: {"expected": "expected", "limit": "limit", "fires": "fires since"},
    Language.ZH: {"expected": "期望区间", "limit": "阈值", "fires": "开始告警"},
}


class Line(Section):
    """A series in time order: seconds since 1970, and values in the chart's unit."""

    label: str
    times: tuple[float, ...]
    values: tuple[float, ...]


class Chart(Section):
    """One picture: lines, the band that was expected, the limit, and from when an alert fired.

    `until` is when that was over, or the chart's end. `start` and `end` bound it, in seconds.
    """

    title: str
    unit: str
    color: str
    language: Language
    timezone: str
    start: float
    end: float
    since: float
    until: float
    lines: tuple[Line, ...]
    lower: Line | None = None
    upper: Line | None = None
    limit: float | None = None

    def word(self, name: Literal["expected", "limit", "fires"]) -> str:
        """Return a word in the reader's language."""
        return _TEXTS[self.language][name]
