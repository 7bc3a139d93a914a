"""Auto-regression: what the last four values did not announce.

Recursive least squares with exponential forgetting (Haykin, Adaptive Filter Theory, chapter
on RLS). Values are scaled to the size that the series has, so that single precision and one
prior fit all; the trace of the inverse correlation is bounded, because it grows without end
on a line that stands still.
"""

import numpy as np

from exporter.detectors.contract import Cell, Floats, Frame, Plain

ORDER = 4
_TERMS = ORDER + 1
_SCALE = 0
_WEIGHTS = slice(1, 1 + _TERMS)
_INVERSE = slice(1 + _TERMS, 1 + _TERMS + _TERMS**2)
_FORGETTING = np.float32(0.9999)
_PRIOR = np.float32(100.0)
_MOST_TRACE = np.float32(5e5)
_SCALE_VALUES = 200
_SCALE_JUMP = np.float32(100.0)
_LEAST_SCALE = np.float32(1e-30)
_EYE = np.eye(_TERMS, dtype=np.float32)[:, :, None]


class Autoregression(Plain):
    """Order four with an intercept; its records count more than others."""

    width = 1 + _TERMS + _TERMS**2
    deviation = 0.9
    novelty = 2.2
    foretells = True

    def look(self, frame: Frame, state: Floats, cell: Cell | None, out: Floats) -> None:
        """Write the value's distance from its prediction; of the first value none is made."""
        del cell
        weights = state[_WEIGHTS]
        gap = _sums("js,js->s", frame.recent[-_TERMS:-1], weights[:ORDER])
        gap += weights[ORDER] * _scale(frame, state)
        np.subtract(frame.values, gap, out=out)

    def learn(
        self, frame: Frame, state: Floats, cell: Cell | None, seen: Floats, step: Floats
    ) -> None:
        """Update weights and inverse correlation by the innovation as it is, not clipped."""
        del cell, step
        scale = _scale(frame, state)
        state[_SCALE] = scale
        inverse = state[_INVERSE].reshape(_TERMS, _TERMS, -1)
        if frame.youngest == 0:
            np.copyto(inverse, _EYE * _PRIOR, where=frame.count == 0)
        inputs = _inputs(frame, scale)
        gain = _sums("ijs,js->is", inverse, inputs)
        power = _sums("js,js->s", inputs, gain)
        lost = power < 0
        power += _FORGETTING
        np.maximum(power, _FORGETTING, out=power)
        state[_WEIGHTS] += np.multiply(gain, seen / (scale * power), out=inputs)
        gain *= 1 / np.sqrt(power)
        for row in range(_TERMS):  # row by row: what is in hand stays in the cache
            inverse[row] -= np.multiply(gain, gain[row], out=inputs)
        trace = inverse[0, 0] + inverse[1, 1] + inverse[2, 2] + inverse[3, 3] + inverse[4, 4]
        inverse *= np.minimum(1 / _FORGETTING, _MOST_TRACE / np.maximum(trace, 1e-9))
        lost |= trace < 0
        if lost.any():  # rounding has cost the matrix its sign: start again with these weights
            np.copyto(inverse, _EYE * _PRIOR, where=lost)


def _sums(subscripts: str, one: Floats, other: Floats) -> Floats:
    """Return sums of products; those of a single series numpy would add up in another order."""
    if one.shape[-1] == 1:
        return _sums(subscripts, one.repeat(2, axis=-1), other.repeat(2, axis=-1))[..., :1]
    sums: Floats = np.einsum(subscripts, one, other)
    return sums


def _scale(frame: Frame, state: Floats) -> Floats:
    """Return the largest |value| of the first values, raised later only by one far beyond it."""
    size = frame.sizes
    scale: Floats = np.maximum(state[_SCALE], _LEAST_SCALE)
    far = size > scale * _SCALE_JUMP
    if frame.youngest < _SCALE_VALUES:
        far |= (frame.count < _SCALE_VALUES) & (size > scale)
    if far.any():
        scale[far] = size[far]
    return scale


def _inputs(frame: Frame, scale: Floats) -> Floats:
    """Return shape (terms, series): the values before this one, the nearest last, and 1."""
    inputs = np.empty((_TERMS, len(scale)), np.float32)
    np.divide(frame.recent[-_TERMS:-1], scale, out=inputs[:ORDER])
    inputs[ORDER] = 1
    return inputs
