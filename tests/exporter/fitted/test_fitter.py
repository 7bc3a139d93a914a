"""Fitting beside a ticking loop, with workers that are real, hang or lie."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import ClassVar

import numpy as np
import psutil
import pytest

from exporter.collectors.contract import Paths
from exporter.collectors.patterns import patterns
from exporter.detectors.scoring import Rule, Scorer
from exporter.fence import Fence
from exporter.fitted.fitter import keep_fitting
from exporter.fitted.models import Models, Plan
from exporter.fitted.worker import ARGV, Worker
from exporter.model import Block, Metric, Sample, SeriesKey
from exporter.signals.derive import Feed, Signals
from exporter.signals.exposed import Exposed
from exporter.tick import Ticker

DEPTH = Metric("app_depth", "Depth.")
FITS = "tocsin_model_fits_total"
HANG = "import time; time.sleep(600)"
LIE = "import os; os.write(1, b'\\0\\0\\0\\4junk')"


class Queue:
    """A queue of ordinary length."""

    blocking: ClassVar[bool] = False

    def collect(self, paths: Paths) -> Iterable[Sample]:
        del paths
        return [DEPTH.sample(50 + 3 * np.random.default_rng().standard_normal())]


def ticker(deadline: float = 120.0) -> Ticker:
    """Return one whose model has all it needs for its first fit, which is due."""
    one = Ticker(
        Fence({"queue": Queue()}, {"queue": 5.0}, Paths()),
        Signals({"depth": Feed(Exposed("app_depth"))}, max_gap=75, capacity=8),
        Scorer(8),
        Rule(0.05, 0.5),
    )
    plan = Plan(patterns("depth"), ("one_class_svm",), history=60.0, deadline=deadline)
    one.models = Models(plan)
    keys, began = (SeriesKey("depth"),), time.time() - 300
    for i, value in enumerate(50 + 3 * np.random.default_rng(0).standard_normal(280)):
        block = Block(keys, np.array([value]), np.array([began + i]))
        one.models.watch(block, time.monotonic())
    return one


@asynccontextmanager
async def running(one: Ticker, argv: tuple[str, ...]) -> AsyncIterator[None]:
    tasks = {
        asyncio.create_task(one.run()),
        asyncio.create_task(keep_fitting(lambda: one.models, Worker(argv))),
    }
    yield
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert all(task.cancelled() for task in tasks)


def outcomes(one: Ticker) -> dict[str, float]:
    samples = [sample for sample in one.models.samples() if sample.metric.name == FITS]
    return {sample.labels[1]: sample.value for sample in samples if sample.value}


async def ticks_until_a_fit_has_ended(one: Ticker) -> list[float]:
    """Return when each tick was until then, on the monotonic clock."""
    seen = []
    async with asyncio.timeout(120):
        while not outcomes(one):
            await one.ticked.wait()
            one.ticked.clear()
            seen.append(time.monotonic())
    return seen


async def test_a_fit_that_hangs_delays_no_tick_and_is_killed_at_its_deadline() -> None:
    one = ticker(deadline=2.0)
    before = set(psutil.Process().children())
    async with running(one, (sys.executable, "-c", HANG)):
        seen = await ticks_until_a_fit_has_ended(one)
        assert set(psutil.Process().children()) == before
    assert outcomes(one) == {"timeout": 1}
    assert 1.5 < seen[-1] - seen[0] < 20, "it hung for two seconds"
    assert max(np.diff(seen)) < 1, "and a tick is due every 50 ms"


async def test_a_real_fit_gives_the_next_tick_its_scores() -> None:
    one = ticker()
    async with running(one, ARGV):
        await ticks_until_a_fit_has_ended(one)
        snapshot = await one.tick()
    assert outcomes(one) == {"ok": 1}
    (scores,) = [c for c in snapshot.columns if c.metric.name == "tocsin_model_anomaly_score"]
    assert scores.labels == ('signal="depth",method="one_class_svm"',)
    assert np.isfinite(scores.values).all()


@pytest.mark.parametrize(("lines", "outcome"), [(LIE, "invalid"), ("exit(1)", "failed")])
async def test_a_fit_that_fails_is_counted_logged_and_not_tried_again_at_once(
    lines: str, outcome: str, caplog: pytest.LogCaptureFixture
) -> None:
    one = ticker()
    async with running(one, (sys.executable, "-c", lines)):
        await ticks_until_a_fit_has_ended(one)
        await asyncio.sleep(1.5)
    assert outcomes(one) == {outcome: 1}
    said = [record.getMessage() for record in caplog.records if "fitted" in record.getMessage()]
    assert said == [f"one_class_svm was not fitted to depth: {outcome}"]


async def test_stopping_in_the_middle_of_a_fit_leaves_no_process_behind() -> None:
    before = set(psutil.Process().children())
    async with running(ticker(), (sys.executable, "-c", HANG)):
        async with asyncio.timeout(30):
            while set(psutil.Process().children()) == before:  # noqa: ASYNC110 -- no event tells
                await asyncio.sleep(0.05)
    assert set(psutil.Process().children()) == before
