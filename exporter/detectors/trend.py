"""Local linear trend: what a series does that was rising or falling steadily.

Holt's linear method (1957) with innovations clipped before they teach.
"""

import numpy as np

from exporter.detectors.contract import Cell, Floats, Frame, Plain

_LEVEL, _SLOPE = range(2)
_LEVEL_GAIN, _SLOPE_GAIN = 0.2, 0.02


class Trend(Plain):
    """Level and slope, both of which may change slowly."""

    width = 2
    deviation = 0.8

    def look(self, frame: Frame, state: Floats, cell: Cell | None, out: Floats) -> None:
        """Write the value's distance from the line's continuation."""
        del cell
        np.subtract(frame.values, state[_LEVEL], out=out)
        out -= state[_SLOPE]

    def learn(
        self, frame: Frame, state: Floats, cell: Cell | None, seen: Floats, step: Floats
    ) -> None:
        """Continue the line and bend it towards the value."""
        del cell, seen
        state[_LEVEL] += state[_SLOPE]
        state[_LEVEL] += frame.share(1 / _LEVEL_GAIN) * step
        state[_SLOPE] += np.float32(_SLOPE_GAIN) * step
        if frame.any_fresh:
            state[_LEVEL, frame.fresh] = frame.values[frame.fresh]
            state[_SLOPE, frame.fresh] = 0
