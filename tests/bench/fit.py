"""Fits, and scores a value at a time: plain arrays beside scikit-learn itself, as a ratio.

Run: python tests/bench/fit.py [--series 100] [--vectors 4000]
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import numpy as np
from sklearn import ensemble, neighbors, svm

sys.path.insert(0, str(Path(__file__).parents[2]))

from exporter.collectors.patterns import patterns
from exporter.fit import FITS
from exporter.fitted import MODELS
from exporter.fitted.features import FEATURES, Scale
from exporter.fitted.models import Models, Plan
from exporter.model import Block, FloatArray, SeriesKey

THEIRS = {
    "isolation_forest": ensemble.IsolationForest(n_estimators=100, max_samples=1024),
    "local_outlier_factor": neighbors.LocalOutlierFactor(n_neighbors=20, novelty=True),
    "one_class_svm": svm.OneClassSVM(nu=0.05, gamma=1 / len(FEATURES)),
}


def each(score: Callable[[FloatArray], FloatArray], vectors: FloatArray) -> float:
    """Return the median seconds that one vector takes, scored alone as at a tick."""
    took = []
    for vector in vectors:
        started = time.perf_counter()
        score(vector[None])
        took.append(time.perf_counter() - started)
    return float(np.median(took))


def compare(name: str, vectors: FloatArray) -> None:
    module, function = FITS[name].split(":")
    request = {"vectors": vectors, "block": np.array(8), "rate": np.array(1 / 2520)}
    fit = getattr(import_module(module), function)
    started = time.perf_counter()
    answer = fit(request)
    fitting = time.perf_counter() - started
    points = Scale.load(answer).apply(vectors)
    model, theirs = MODELS[name].load(answer), THEIRS[name].fit(points)
    ours, their = each(model.strangeness, points[:300]), each(theirs.score_samples, points[:300])
    kept = (getattr(model, field.name) for field in fields(cast("Any", model)))
    size = sum(np.asarray(part).nbytes for part in kept) / 1e3
    print(
        f"{name:22} fit {fitting:5.2f} s  {size:6.0f} kB   a value: ours {ours * 1e6:6.1f} us, "
        f"scikit-learn {their * 1e6:8.1f} us, ratio {their / ours:6.1f}",
        flush=True,
    )


def tick(name: str, series: int) -> None:
    """Time a tick's share with a model for each of many series."""
    rng = np.random.default_rng(0)
    models = Models(Plan(patterns("s"), (name,), history=60.0, limit=series))
    keys = tuple(SeriesKey("s", (("i", str(i)),)) for i in range(series))
    now = 0.0

    def watch() -> float:
        nonlocal now
        now += 15.0
        values = rng.standard_normal(series)
        started = time.perf_counter()
        models.watch(Block(keys, values, np.full(series, now)), now)
        return time.perf_counter() - started

    without = float(np.median([watch() for _ in range(300)]))
    job = models.next_job(now)
    assert job
    module, function = FITS[name].split(":")
    answer = getattr(import_module(module), function)(job.request)
    while job:
        models.put(job, answer, now)
        job = models.next_job(now)
    having = float(np.median([watch() for _ in range(30)]))
    print(
        f"{name:22} a tick of {series} series: {having * 1e3:6.2f} ms, "
        f"{without * 1e3:6.2f} ms before there are models"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--series", type=int, default=100)
    parser.add_argument("--vectors", type=int, default=4000)
    options = parser.parse_args()
    vectors = np.random.default_rng(0).standard_normal((options.vectors, len(FEATURES)))
    for name in MODELS:
        compare(name, vectors)
    for name in MODELS:
        tick(name, options.series)


if __name__ == "__main__":
    main()
