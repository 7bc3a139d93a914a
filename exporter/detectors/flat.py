"""Flat lines: a series that stops moving, which no view of its values would call unusual."""

import numpy as np

from exporter.detectors.contract import Floats, Frame

WIDTH = 3
_RUN, _SAME, _LONGEST = range(WIDTH)
_WINDOW = 3000.0
_LEAST_RUN = np.float32(6.0)
_TIMES_LONGEST = np.float32(2.0)
_LEAK = np.float32(1e-4)
_HINT = np.float32(0.4)
"""A run that is not yet news shall not climb through every score below the line."""


def score(frame: Frame, state: Floats, run: Floats, rate: Floats) -> Floats:
    """Return the run of equal values so far in units of the one that is an alarm.

    If values repeated by chance alone, with the share that they do, a run of that many would
    begin with probability `rate` a value; it must also be twice the longest one known. A run
    that goes on is the same piece of news, so its score ends at 1.
    """
    if run.max() < _LEAST_RUN:
        return np.zeros_like(run)
    chance = np.maximum(state[_SAME], 1 / (frame.count + 2)).astype(np.float32)
    chance = np.minimum(chance, 1 - 1 / (frame.count + 2)).astype(np.float32)
    line = np.log(rate) / np.log(chance)
    np.maximum(line, state[_LONGEST] * _TIMES_LONGEST, out=line)
    np.maximum(line, _LEAST_RUN, out=line)
    score: Floats = run / line
    score *= 1 - (1 - _HINT) * (score < 1)
    np.minimum(score, 1, out=score)
    return score


def learn(frame: Frame, state: Floats, run: Floats) -> None:
    """Take the run in; the longest one counts once it has ended, and is slowly forgotten."""
    repeats = np.minimum(run, 1)
    ended = state[_RUN] * (1 - repeats)
    longest = state[_LONGEST]
    longest *= 1 - _LEAK
    np.maximum(longest, ended, out=longest)
    repeats -= state[_SAME]
    repeats *= frame.share(_WINDOW)
    state[_SAME] += repeats
    state[_RUN] = run


def runs(frame: Frame, state: Floats) -> Floats:
    """Return how often each series' value has repeated itself by now."""
    same = frame.recent[-1] == frame.recent[-2]
    if frame.any_fresh:
        same &= ~frame.fresh
    run: Floats = (state[_RUN] + np.float32(1)) * same
    return run
