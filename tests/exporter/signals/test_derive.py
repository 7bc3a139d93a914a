import math

import numpy as np

from exporter.model import Metric, Sample, SeriesKey
from exporter.settings import parse_matcher
from exporter.signals.derive import Feed, Signals
from exporter.signals.exposed import Exposed

DEPTH = Metric("app_queue_depth", "", labels=("queue", "zone"))
JOBS = Metric("app_jobs_total", "", "counter", ("queue",))
AT = 1.7e9
MAIL = SeriesKey("depth", (("queue", "mail"), ("zone", "a")))


def signals(limit: int = 100, capacity: int = 100) -> Signals:
    feeds = {
        "depth": Feed(Exposed("app_queue_depth"), limit),
        "jobs": Feed(Exposed("app_jobs_total", [parse_matcher('queue=~"m.*"')]), limit),
    }
    return Signals(feeds, max_gap=75, capacity=capacity)


def queues(*names: str) -> list[Sample]:
    return [DEPTH.sample(i, name, "a") for i, name in enumerate(names)]


def test_a_gauge_comes_as_it_is_and_a_counter_as_its_rate() -> None:
    derive = signals().derive
    derive([DEPTH.sample(5, "mail", "a"), JOBS.sample(100, "mail")], 0, AT)
    block = derive([DEPTH.sample(6, "mail", "a"), JOBS.sample(130, "mail")], 15, AT)
    assert block.keys == (MAIL, SeriesKey("jobs", (("queue", "mail"),)))
    assert block.values.tolist() == [6, 2]
    assert block.times.tolist() == [AT, AT]


def test_matchers_choose_the_series() -> None:
    block = signals().derive([JOBS.sample(1, "mail"), JOBS.sample(1, "web")], 0, AT)
    assert block.keys == (SeriesKey("jobs", (("queue", "mail"),)),)


def test_an_empty_label_is_no_label() -> None:
    block = signals().derive([DEPTH.sample(5, "mail", "")], 0, AT)
    assert block.keys == (SeriesKey("depth", (("queue", "mail"),)),)


def test_the_keys_are_the_very_same_tuple_while_the_layout_is() -> None:
    derive = signals().derive
    first = derive(queues("a", "b"), 0, AT)
    assert derive(queues("a", "b"), 15, AT).keys is first.keys
    assert derive(queues("a"), 30, AT).keys is not first.keys


def test_a_counter_that_vanishes_for_a_tick_goes_on_where_it_was() -> None:
    derive = signals().derive
    derive([JOBS.sample(100, "mail")], 0, AT)
    assert derive([], 15, AT).values.size == 0
    assert derive([JOBS.sample(160, "mail")], 30, AT).values.tolist() == [2]


def test_a_counter_that_returns_too_late_has_no_rate_at_first() -> None:
    derive = signals().derive
    derive([JOBS.sample(100, "mail")], 0, AT)
    derive([], 100, AT)
    assert math.isnan(derive([JOBS.sample(160, "mail")], 200, AT).values[0])


def test_a_series_given_twice_counts_once() -> None:
    one = signals()
    block = one.derive([DEPTH.sample(5, "mail", "a"), DEPTH.sample(9, "mail", "a")], 0, AT)
    assert block.values.tolist() == [5]
    assert one.skipped["duplicate"] == 1


def test_series_beyond_the_limit_of_their_signal_are_left_out_and_counted() -> None:
    one = signals(limit=2)
    assert len(one.derive(queues("a", "b", "c"), 0, AT).keys) == 2
    assert one.skipped == {"duplicate": 0, "signal_limit": 1, "total_limit": 0}
    assert one.left_out == {"depth": {"signal_limit": 1}}
    one.derive(queues("a", "b"), 15, AT)
    assert one.left_out == {}, "of the latest tick only"


def test_series_beyond_the_capacity_are_left_out_and_counted() -> None:
    one = signals(capacity=2)
    assert len(one.derive(queues("a", "b", "c"), 0, AT).keys) == 2
    assert one.skipped["total_limit"] == 1


def test_churn_beyond_the_capacity_forgets_only_what_is_gone() -> None:
    one = signals(capacity=4)
    for turn in range(20):
        block = one.derive(queues("stays", *(f"t{turn}{i}" for i in range(3))), turn, AT)
        assert len(block.keys) == 4
        assert np.isfinite(block.values).all()
