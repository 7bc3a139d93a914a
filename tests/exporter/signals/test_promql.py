import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator

import numpy as np
import pytest

from exporter.model import Block, SeriesKey
from exporter.prometheus.client import Prometheus
from exporter.prometheus.connection import Connection
from exporter.signals.poll import Query
from exporter.signals.promql import Promql
from tests.fakes.prometheus import FakePrometheus

A, B = {"__name__": "depth", "queue": "a"}, {"__name__": "depth", "queue": "b"}
KEYS = tuple(SeriesKey("queues", (("queue", name),)) for name in "ab")


@pytest.fixture
async def prometheus() -> AsyncIterator[FakePrometheus]:
    async with FakePrometheus() as fake:
        fake.says("depth", (A, 5), (B, 7))
        yield fake


def ask(prometheus: FakePrometheus, limit: int = 10, deadline: str = "10s") -> Promql:
    connection = Connection.model_validate({"url": prometheus.base, "deadline": deadline})
    return Promql(Prometheus(connection), {"queues": Query("depth", limit)})


async def tick(promql: Promql, patience: float = 30.0) -> Block:
    promql.begin()
    return (await promql.take(time.monotonic() + patience))[0]


async def landed(promql: Promql) -> None:
    """Wait until the question under way is over."""
    flight = promql.polls[0]._flight
    assert flight is not None
    await asyncio.wait_for(flight, 30)


async def test_an_answer_becomes_series_with_their_own_time(prometheus: FakePrometheus) -> None:
    promql = ask(prometheus)
    block = await tick(promql)
    assert block.keys == KEYS
    assert block.values.tolist() == [5, 7]
    assert block.times.tolist() == [prometheus.now] * 2
    assert (await tick(promql)).keys is block.keys
    assert not any(promql.skipped.values())
    assert promql.trouble == ""


async def test_one_question_is_asked_at_each_tick_and_one_at_a_time(
    prometheus: FakePrometheus,
) -> None:
    promql = ask(prometheus)
    prometheus.next.append("hangs")
    for _ in range(3):
        await tick(promql, patience=0.5)
    assert len(prometheus.seen) == 1
    prometheus.released.set()
    await landed(promql)
    await tick(promql)
    assert len(prometheus.seen) == 2


async def test_a_late_answer_is_missing_at_its_tick_and_taken_by_the_next(
    prometheus: FakePrometheus, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "exporter")
    promql = ask(prometheus)
    await tick(promql)
    prometheus.slow = 0.3
    prometheus.says("depth", (A, 50), (B, 70))
    late = await tick(promql, patience=0.05)
    assert late.keys == KEYS
    assert np.isnan(late.values).all()
    assert promql.skipped["prometheus_late"] == 2
    assert "no answer yet" in promql.trouble
    await landed(promql)
    assert (await tick(promql, patience=0.05)).values.tolist() == [50, 70]
    assert "ticks went without" in promql.trouble
    prometheus.slow = 0
    await landed(promql)
    await tick(promql)
    assert promql.trouble == ""
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_how_long_the_late_answer_took_is_told_and_not_the_quick_one_after_it(
    prometheus: FakePrometheus,
) -> None:
    promql = ask(prometheus)
    await tick(promql)
    prometheus.slow = 0.4
    await tick(promql, patience=0.05)
    await landed(promql)
    prometheus.slow = 0
    promql.begin()
    await landed(promql)
    await promql.take(time.monotonic())
    seconds = re.findall(r"an answer took (\S+) s", promql.trouble)
    assert float(seconds[0]) >= 0.4


async def test_a_slow_server_is_waited_for_once_and_not_at_every_tick(
    prometheus: FakePrometheus,
) -> None:
    promql = ask(prometheus)
    prometheus.slow = 0.4
    waits = []
    for _ in range(4):
        started = time.monotonic()
        await tick(promql, patience=0.2)
        waits.append(time.monotonic() - started)
        await landed(promql)
    assert waits[0] > 0.15
    assert max(waits[1:]) < 0.1


@pytest.mark.parametrize(
    ("ugly", "reason", "words"),
    [
        (503, "prometheus_error", "HTTP 503: something went wrong"),
        ("html", "prometheus_error", "not an answer of Prometheus"),
        ("closes", "prometheus_error", ""),
        ("redirects", "prometheus_error", "HTTP 302"),
        ("hangs", "prometheus_late", "no answer within 0.5 s"),
    ],
)
async def test_what_fails_is_missing_counted_by_reason_and_told(
    prometheus: FakePrometheus, ugly: int, reason: str, words: str
) -> None:
    promql = ask(prometheus, deadline="500ms")
    await tick(promql)
    prometheus.next.append(ugly)
    block = await tick(promql)
    assert block.keys == KEYS
    assert np.isnan(block.values).all()
    assert {name: count for name, count in promql.skipped.items() if count} == {reason: 2}
    assert promql.left_out == {"queues": {reason: 2}}
    assert promql.trouble.startswith("queues: ")
    assert words in promql.trouble
    assert (await tick(promql)).values.tolist() == [5, 7]
    assert (promql.trouble, promql.left_out) == ("", {})


async def test_an_error_is_told_in_the_servers_words_and_logged_once(
    prometheus: FakePrometheus, caplog: pytest.LogCaptureFixture
) -> None:
    del prometheus.series["depth"]
    promql = ask(prometheus)
    for _ in range(3):
        assert (await tick(promql)).keys == ()
    assert promql.trouble == "queues: HTTP 400: no such expression: depth"
    assert promql.skipped["prometheus_error"] == 3, "one a tick while nobody knows how many"
    assert caplog.messages == [
        "signal queues: prometheus_error: HTTP 400: no such expression: depth"
    ]


async def test_an_answer_in_part_is_scored_and_told(prometheus: FakePrometheus) -> None:
    prometheus.extra = {"warnings": ["a store is down"]}
    promql = ask(prometheus)
    assert (await tick(promql)).values.tolist() == [5, 7]
    assert promql.trouble == "queues: a store is down"
    assert next(sample.value for sample in promql.samples()) == 0


async def test_series_beyond_the_limit_are_left_out_and_counted(
    prometheus: FakePrometheus,
) -> None:
    promql = ask(prometheus, limit=1)
    assert (await tick(promql)).keys == KEYS[:1]
    assert promql.skipped["signal_limit"] == 1
    assert promql.left_out == {"queues": {"signal_limit": 1}}


async def test_an_answer_far_beyond_the_limit_is_not_read_to_its_end(
    prometheus: FakePrometheus,
) -> None:
    huge = {"queue": "x" * 2**20}
    prometheus.says("depth", *((huge | {"n": str(i)}, 1) for i in range(20)))
    promql = ask(prometheus)
    assert (await tick(promql)).keys == ()
    assert "narrow the expression" in promql.trouble
