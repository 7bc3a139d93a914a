"""Feeding series to the engine, and noise to feed it with."""

from collections.abc import Callable, Sequence

import numpy as np

from exporter.detectors.scoring import Judgement, Rule, Scorer
from exporter.model import FloatArray

START = 1_700_000_000.0
Noise = Callable[[np.random.Generator, tuple[int, int]], FloatArray]


def judged(lines: FloatArray, rule: Rule, times: Sequence[float] | None = None) -> list[Judgement]:
    """Score lines of shape (values, series), row by row, `rule.interval` apart."""
    scorer = Scorer(lines.shape[1])
    rows = np.arange(lines.shape[1])
    scorer.wipe(rows)
    when = times if times is not None else START + rule.interval * np.arange(len(lines))
    return [
        scorer.score(rows, line, np.full(len(rows), at), rule)
        for line, at in zip(lines, when, strict=True)
    ]


def column(judgements: list[Judgement], name: str) -> FloatArray:
    """Return one array of the scores or verdicts, shape (values, series)."""
    return np.array([getattr(j.score, name, getattr(j.verdict, name, None)) for j in judgements])


def autoregressive(rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    lines = rng.standard_normal(shape)
    for i in range(1, len(lines)):
        lines[i] += 0.7 * lines[i - 1]
    return lines


NOISES: dict[str, Noise] = {
    "normal": lambda rng, shape: 50 + 3 * rng.standard_normal(shape),
    "log-normal": lambda rng, shape: rng.lognormal(0, 1, shape),
    "Poisson": lambda rng, shape: rng.poisson(4, shape).astype(float),
    "autoregressive": autoregressive,
}
