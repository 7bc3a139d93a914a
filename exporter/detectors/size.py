"""Order of magnitude: a value larger than any before, on a scale that grows by factors."""

import numpy as np

from exporter.detectors.contract import Cell, Floats, Frame, Plain

_SIZE = 0
_VALUES = 200
_UNIT = np.float32(0.1)


class Size(Plain):
    """The signed logarithm of the value in tenths of its usual size; its records never leak."""

    deviation = 0.0
    novelty = 3.0
    own_scale = True

    def look(self, frame: Frame, state: Floats, cell: Cell | None, out: Floats) -> None:
        """Write sign(x) log(1 + |x| / (size / 10)); the usual size is that of the first values."""
        del cell
        unit: Floats = _UNIT * _usual(frame, state)
        if not unit.all():
            unit[unit == 0] = 1
        with np.errstate(over="ignore"):  # infinite at most, and then cut to the largest float
            np.divide(frame.sizes, unit, out=out)
        np.minimum(out, np.float32(1e30), out=out)
        np.log1p(out, out=out)
        if frame.values.min() < 0:  # the sign takes longer than all else
            np.copysign(out, frame.values, out=out)

    def learn(
        self, frame: Frame, state: Floats, cell: Cell | None, seen: Floats, step: Floats
    ) -> None:
        """Keep the mean |value| of the first values."""
        del cell, seen, step
        if frame.youngest < _VALUES:
            state[_SIZE] = _usual(frame, state)


def _usual(frame: Frame, state: Floats) -> Floats:
    if frame.youngest >= _VALUES:
        known: Floats = state[_SIZE]
        return known
    share = np.where(frame.count < _VALUES, 1 / (frame.count + 1), np.float32(0))
    mean: Floats = state[_SIZE] + share * (frame.sizes - state[_SIZE])
    return mean
