"""From vectors to a model and its alarm line, learned from vectors that the model had not seen."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporter.detectors import tail
from exporter.fitted.calibration import Calibration
from exporter.fitted.contract import Arrays, Model
from exporter.fitted.features import Scale
from exporter.model import FloatArray

_FOLDS = 4
_LEAST_SCATTER = 0.1
"""Of moderate sizes: a series that never moves has no drift either."""

Train = Callable[[FloatArray], Arrays]


def calibrated(request: Arrays, train: Train, kind: type[Model]) -> Arrays:
    """Fit to `vectors` of shape (n, features), oldest first.

    `block` is how many of them a window's time holds, and `rate` how often it may alarm.
    Returns the parameters of the model under their names, with those of `Scale` and of
    `Calibration`.
    """
    scale = Scale.of(request["vectors"])
    points = scale.apply(request["vectors"])
    unseen = _strangeness_unseen(points, train, kind)
    calibration = _calibrate(unseen, int(request["block"]), float(request["rate"]))
    return {**train(points), **scale.arrays(), **calibration.arrays()}


def _strangeness_unseen(points: FloatArray, train: Train, kind: type[Model]) -> FloatArray:
    """Score every vector by a model of the others; contiguous parts, since neighbours are alike."""
    parts = np.array_split(np.arange(len(points)), _FOLDS)
    scores = []
    for part in parts:
        model = kind.load(train(np.delete(points, part, axis=0)))
        scores.append(model.strangeness(points[part]))
    return np.concatenate(scores)


def _calibrate(strangeness: FloatArray, block: int, rate: float) -> Calibration:
    """Standardise, and learn the tail window by window, as it goes on in service.

    Windows that overlap are strange together: of the `block` vectors in the time of one, the
    strangest stands for all.
    """
    whole = len(strangeness) // block * block
    highest = strangeness[:whole].reshape(-1, block).max(axis=1)
    scale = Scale.of(highest[:, None])
    blank = Calibration(scale.centre[0], scale.spread[0], 0.0, 1.0, np.array(tail.START))
    moderate = blank.moderate(strangeness)
    state: NDArray[Any] = np.array([tail.START], np.float32)
    sizes: NDArray[Any] = blank.size(highest).astype(np.float32)
    for size in sizes:
        tail.learn(state, size[None], tail.line(state, rate, doubt=0.3))
    return replace(
        blank,
        moderate_mean=moderate.mean(),
        moderate_scatter=max(moderate.std(), _LEAST_SCATTER),
        tail=state[0],
    )
