"""Charts to be drawn."""

from typing import Any

from receiver.model import Language
from receiver.pictures.chart import Chart, Line

END = 1_764_394_200.0


def line(label: str, *values: float) -> Line:
    """Have a value every five minutes until the end."""
    times = tuple(END - 300 * (len(values) - 1 - i) for i in range(len(values)))
    return Line(label=label, times=times, values=values)


def chart(**changes: Any) -> Chart:
    whole: dict[str, Any] = {
        "title": "HostMemoryFull · db-1:9100",
        "unit": "ratio",
        "color": "#d32f2f",
        "language": Language.EN,
        "timezone": "Asia/Shanghai",
        "start": END - 3_600,
        "end": END,
        "since": END - 900,
        "until": END,
        "lines": (line("a", *(0.4 + 0.05 * i for i in range(12))),),
        "limit": 0.92,
    }
    return Chart(**whole | changes)
