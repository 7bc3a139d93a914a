"""Models as a tick sees them: fed with blocks, fitted by the real functions or by none at all."""

from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

from exporter.collectors.patterns import patterns
from exporter.exposition import render
from exporter.fit import FITS
from exporter.fitted import MODELS
from exporter.fitted.contract import Arrays
from exporter.fitted.models import Job, Models, Plan
from exporter.model import Block, FloatArray, SeriesKey

METHODS = tuple(MODELS)
STEP = 15.0
EVERY = 6 * 3600.0
MAIL = SeriesKey("depth", (("queue", "mail"),))


def fitted(job: Job) -> Arrays:
    """Fit as the worker does, in this process."""
    module, function = FITS[job.name].split(":")
    answer: Arrays = getattr(import_module(module), function)(job.request)
    return answer


class Feed:
    """Gives one value at a time to models, on a clock of its own."""

    def __init__(
        self, *keys: SeriesKey, methods: tuple[str, ...] = METHODS, limit: int = 4
    ) -> None:
        plan = Plan(patterns("depth"), methods, every=EVERY, limit=limit)
        self.models = Models(plan)
        self.keys = keys
        self.now = 0.0

    def give(self, rows: Iterable[FloatArray | float]) -> None:
        for row in rows:
            self.now += STEP
            values = np.broadcast_to(np.asarray(row, float), (len(self.keys),))
            self.models.watch(Block(self.keys, values, np.full(len(values), self.now)), self.now)

    def fit(self) -> list[str]:
        """Fit all that is due; returns the methods."""
        done = []
        while job := self.models.next_job(self.now):
            self.models.put(job, fitted(job), self.now)
            done.append(job.name)
        return done

    def page(self) -> dict[str, float]:
        columns = self.models.columns(self.now)
        text = b"".join(render(self.models.samples(), columns)).decode().splitlines()
        pairs = (line.rsplit(" ", 1) for line in text if not line.startswith("#"))
        return {name: float(value) for name, value in pairs}


def named(name: str, method: str) -> str:
    return f'tocsin_model_{name}{{signal="depth",method="{method}",queue="mail"}}'


def noise(count: int, seed: int = 0) -> FloatArray:
    return 50 + 3 * np.random.default_rng(seed).standard_normal(count)


@pytest.fixture(scope="module")
def taught() -> Feed:
    """Every method, fitted to a day of noise."""
    feed = Feed(MAIL)
    feed.give(noise(5760))
    assert feed.fit() == list(METHODS)
    return feed


@pytest.mark.parametrize("method", METHODS)
def test_a_jump_is_beyond_the_line_and_the_noise_before_it_is_not(
    taught: Feed, method: str
) -> None:
    ordinary = []
    for value in noise(300, seed=1):
        taught.give([value])
        ordinary.append(taught.page()[named("anomaly_score", method)])
    assert sum(score >= 1 for score in ordinary) <= 1, "one a week, and this is an hour"
    taught.give([50 + 3 * 25])
    jump = taught.page()[named("anomaly_score", method)]
    assert jump >= 1
    assert jump > max(ordinary)
    taught.give(noise(50, seed=2))


def test_a_missing_value_has_no_score_and_a_fitted_model_has_an_age(taught: Feed) -> None:
    before = taught.page()
    taught.give([np.nan])
    assert named("anomaly_score", METHODS[0]) not in taught.page()
    taught.give(noise(1))
    after = taught.page()
    aged = after[named("age_seconds", METHODS[0])] - before[named("age_seconds", METHODS[0])]
    assert aged == 2 * STEP


def test_a_model_waits_for_256_windows_at_the_series_own_step_and_the_page_says_so() -> None:
    feed = Feed(MAIL, methods=("one_class_svm",))
    feed.give(noise(255 + 15))
    assert not feed.fit()
    page = feed.page()
    assert not any("anomaly_score" in name for name in page)
    assert page['tocsin_model_vectors{signal="depth",queue="mail"}'] == 255
    assert standing(page) == {"learning": 1, "due": 0, "fitted": 0}
    feed.give(noise(1))
    assert standing(feed.page()) == {"learning": 0, "due": 1, "fitted": 0}
    assert feed.fit() == ["one_class_svm"]
    feed.give(noise(1))
    assert named("anomaly_score", "one_class_svm") in feed.page()
    assert standing(feed.page()) == {"learning": 0, "due": 0, "fitted": 1}


def standing(page: dict[str, float]) -> dict[str, float]:
    name = 'tocsin_models{{method="one_class_svm",state="{}"}}'
    return {state: page[name.format(state)] for state in ("learning", "due", "fitted")}


def test_the_score_of_before_a_gap_does_not_stand_after_it() -> None:
    feed = Feed(MAIL, methods=("one_class_svm",))
    feed.give(noise(256 + 16))
    feed.fit()
    feed.give(noise(1))
    assert named("anomaly_score", "one_class_svm") in feed.page()
    feed.now += 7200
    feed.give(noise(15))
    assert named("anomaly_score", "one_class_svm") not in feed.page()
    feed.give(noise(1))
    assert named("anomaly_score", "one_class_svm") in feed.page()


def test_a_window_longer_than_256_values_can_be_fitted_to_as_well() -> None:
    feed = Feed(MAIL, methods=("one_class_svm",))
    feed.models = Models(replace(feed.models.plan, window=300))
    feed.give(noise(300 + 8 * 300 - 2))
    assert not feed.fit()
    feed.give(noise(1))
    assert feed.fit() == ["one_class_svm"]


def test_models_are_fitted_again_as_their_history_doubles_and_then_on_schedule() -> None:
    feed = Feed(MAIL, methods=("one_class_svm",))
    hours = []
    for minute in range(24 * 60):
        feed.give(noise(4, seed=minute))
        hours += [round(feed.now / 3600, 1) for _ in feed.fit()]
    assert hours[:4] == pytest.approx([1.1, 2.6, 5.2, 10.4], abs=0.1), (
        "after 256 vectors, a quarter of every, and twice"
    )
    assert np.diff(hours[3:]).tolist() == pytest.approx([6, 6], abs=0.1)


def test_a_series_that_changes_for_good_is_fitted_again_soon_and_is_ordinary_after() -> None:
    feed = Feed(MAIL, methods=("one_class_svm",))
    feed.give(noise(5760))
    feed.fit()
    feed.give(noise(240, seed=1))
    assert abs(feed.page()[named("score_drift", "one_class_svm")]) < 0.5
    feed.give(noise(240, seed=2) + 30)
    assert feed.page()[named("score_drift", "one_class_svm")] > 1
    for _ in range(30):
        feed.give(noise(40, seed=3) + 30)
        feed.fit()
    feed.give(noise(100, seed=4) + 30)
    assert feed.page()[named("anomaly_score", "one_class_svm")] < 1


def test_a_failed_fit_is_not_tried_again_before_a_quarter_of_every() -> None:
    feed = Feed(MAIL, methods=("one_class_svm",))
    feed.give(noise(256 + 15))
    job = feed.models.next_job(feed.now)
    assert job
    with pytest.raises(KeyError):
        feed.models.put(job, {}, feed.now)
    feed.give(noise(int(EVERY / 4 / STEP) - 1))
    assert feed.models.next_job(feed.now) is None
    feed.give(noise(1))
    assert feed.models.next_job(feed.now)


def test_no_more_series_have_models_than_the_limit_and_the_rest_is_counted() -> None:
    keys = tuple(SeriesKey("depth", (("queue", f"q{i}"),)) for i in range(5))
    feed = Feed(*keys, SeriesKey("other"), limit=3)
    feed.give(noise(256 + 20))
    jobs = set()
    while job := feed.models.next_job(feed.now):
        jobs.add((job.key, job.name))
    assert jobs == {(key, method) for key in keys[:3] for method in METHODS}
    assert feed.models.skipped == {"model_limit": 2 * (256 + 20)}
    assert feed.models.left_out == {"depth": {"model_limit": 2}}


def test_the_answer_for_a_series_that_has_gone_meanwhile_is_dropped() -> None:
    first, second = MAIL, SeriesKey("depth", (("queue", "new"),))
    feed = Feed(first, methods=("one_class_svm",), limit=1)
    feed.give(noise(256 + 15))
    job = feed.models.next_job(feed.now)
    assert job
    feed.keys = (second,)
    feed.give(noise(20))
    feed.models.put(job, fitted(job), feed.now)
    feed.give(noise(1))
    assert not any("anomaly_score" in name for name in feed.page())


def test_signals_are_chosen_by_patterns_as_everywhere() -> None:
    feed = Feed(*map(SeriesKey, ("net_in", "disk", "net_out", "my_net_in")))
    plan = replace(feed.models.plan, signals=patterns("net_.*", "disk"), limit=9)
    feed.models = Models(plan)
    feed.give(noise(1))
    (column,) = [one for one in feed.models.columns(feed.now) if "vectors" in one.metric.name]
    assert column.labels == ('signal="net_in"', 'signal="disk"', 'signal="net_out"')


def test_a_fit_that_is_under_way_when_other_signals_are_chosen_is_not_lost() -> None:
    feed = Feed(MAIL, methods=("one_class_svm",))
    feed.give(noise(256 + 15))
    job = feed.models.next_job(feed.now)
    assert job
    wider = replace(feed.models.plan, signals=patterns("depth", "other"))
    assert feed.models.following(wider) is feed.models
    feed.models.put(job, fitted(job), feed.now)
    feed.keys = (SeriesKey("other"), MAIL)
    feed.give(noise(1))
    assert named("anomaly_score", "one_class_svm") in feed.page()


def test_fits_are_counted_from_0_for_every_outcome() -> None:
    feed = Feed(MAIL, methods=("one_class_svm",))
    name = 'tocsin_model_fits_total{{method="one_class_svm",outcome="{}"}}'
    before = feed.page()
    assert [
        before[name.format(one)] for one in ("ok", "timeout", "memory", "failed", "invalid")
    ] == [0] * 5
    feed.models.fits.note("one_class_svm", "timeout", 7.0)
    assert feed.page()[name.format("timeout")] == 1
    assert feed.page()['tocsin_model_fit_duration_seconds{method="one_class_svm"}'] == 7


def test_without_a_plan_there_is_nothing_to_see() -> None:
    models = Models(Plan())
    models.watch(Block((MAIL,), np.ones(1), np.ones(1)), 1.0)
    assert all(not column.labels for column in models.columns(1.0))
    assert not list(models.samples())
    assert models.next_job(1.0) is None
