"""What is exposed of models and of their fits."""

from collections import Counter
from collections.abc import Iterator, Sequence

from exporter.model import Metric, Sample

SCORE = Metric(
    "tocsin_model_anomaly_score",
    "How unlike its past a fitted model finds the signal: 1 is the model's own alarm line.",
)
DRIFT = Metric(
    "tocsin_model_score_drift",
    "How far the mean of the model's recent scores is from that at its fit, in scatters of then.",
)
AGE = Metric("tocsin_model_age_seconds", "How long ago the model was fitted.")
OF_MODELS = (SCORE, DRIFT, AGE)
VECTORS = Metric(
    "tocsin_model_vectors",
    "How many vectors of the signal a model can be fitted to; a first fit waits for 256, "
    "and for eight times the window.",
)
STATES = Metric(
    "tocsin_models",
    "Models by state: learning, with too few vectors yet; due, for the first fit; fitted.",
    labels=("method", "state"),
)

FITS = Metric(
    "tocsin_model_fits_total",
    "Fits of models by what became of them: ok, timeout, memory, failed, invalid.",
    "counter",
    labels=("method", "outcome"),
)
DURATION = Metric(
    "tocsin_model_fit_duration_seconds", "How long the latest fit took.", labels=("method",)
)
OUTCOMES = ("ok", "timeout", "memory", "failed", "invalid")


class Fits:
    """Counts fits from 0 on, so that none is lost between scrapes."""

    def __init__(self, methods: Sequence[str]) -> None:
        self._methods = tuple(methods)
        self._counts: Counter[tuple[str, str]] = Counter()
        self._seconds: dict[str, float] = {}

    def note(self, method: str, outcome: str, seconds: float) -> None:
        """Count one fit, however it ended."""
        self._counts[method, outcome] += 1
        self._seconds[method] = seconds

    def samples(self) -> Iterator[Sample]:
        """Yield every count, and the latest duration of each method."""
        for method in self._methods:
            for outcome in OUTCOMES:
                yield FITS.sample(float(self._counts[method, outcome]), method, outcome)
        for method, seconds in self._seconds.items():
            yield DURATION.sample(seconds, method)
