import io
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from exporter.app import App
from exporter.collectors import COLLECTORS
from exporter.config import Config
from exporter.exposition import render
from exporter.web import make_web

PATH = "/api/v1/observations"


@pytest.fixture
def app() -> App:
    config = Config.model_validate(
        {
            "signals": [{"name": "queue", "metric": "a"}],
            "state": False,
            "collectors": dict.fromkeys(COLLECTORS, False) | {"loadavg": True},
        }
    )
    return App(config, lambda: config)


@pytest.fixture
async def client(app: App) -> AsyncIterator[TestClient[Any, Any]]:
    async with TestClient(TestServer(make_web(app.service))) as client:
        yield client


def page(app: App) -> str:
    snapshot = app.service.ticker.snapshot
    assert snapshot is not None
    return b"".join(render(snapshot.samples, snapshot.columns)).decode()


async def test_a_value_that_was_sent_is_on_the_page_after_the_next_tick(
    app: App, client: TestClient[Any, Any]
) -> None:
    one = {"name": "orders", "labels": {"shop": "a", "b": ""}, "value": 12}
    answer = await client.post(PATH, json={"observations": [one]})
    assert (answer.status, await answer.json()) == (202, {"taken": 1})
    await app.service.ticker.tick()
    assert 'tocsin_signal_value{signal="orders",shop="a"} 12\n' in page(app)
    assert 'tocsin_observations_total{outcome="taken"} 1\n' in page(app)


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=8))])
async def test_a_value_has_the_time_at_which_it_was_measured(
    app: App, client: TestClient[Any, Any], zone: timezone
) -> None:
    moment = datetime.fromtimestamp(int(time.time()) - 60, zone)
    for name, told in (("spelled", moment.isoformat()), ("counted", moment.timestamp())):
        await client.post(PATH, json={"observations": [GOOD | {"name": name, "timestamp": told}]})
    await app.service.ticker.tick()
    for name in ("spelled", "counted"):
        said = f'tocsin_signal_timestamp_seconds{{signal="{name}"}} {int(moment.timestamp())}\n'
        assert said in page(app)


TOO_LARGE = (
    "value: too large for scores, which are worked out in single precision; "
    "send less than 1e+16, e.g. in a larger unit"
)
NO_TIME = (
    "timestamp: seconds since 1970 are expected, or a time with its zone, like 2026-01-31T23:59:00Z"
)
GOOD: dict[str, Any] = {"name": "orders", "value": 1}
BAD = {
    "5": (5, "an object with name and value is expected"),
    "no value": ({"name": "a"}, "value: a finite number is expected"),
    "truth": (GOOD | {"value": True}, "value: a finite number is expected"),
    "huge": (GOOD | {"value": 10**400}, TOO_LARGE),
    "large": (GOOD | {"value": -1e300}, TOO_LARGE),
    "endless": (GOOD | {"value": float("inf")}, "value: a finite number is expected"),
    "nan": (GOOD | {"value": float("nan")}, "value: a finite number is expected"),
    "name": (GOOD | {"name": "a-b"}, "name: use letters, digits and underscores"),
    "taken": (
        GOOD | {"name": "queue"},
        "name: queue is a signal of the exporter's own; choose another",
    ),
    "host's": (
        GOOD | {"name": "disk_busy"},
        "name: disk_busy is a signal of the exporter's own; choose another",
    ),
    "ours": (
        GOOD | {"name": "tocsin_anomaly_score"},
        "name: tocsin_anomaly_score is a metric of the exporter's own page; choose another",
    ),
    "exposed": (
        GOOD | {"name": "node_load1"},
        "name: node_load1 is a metric of the exporter's own page; choose another",
    ),
    "labels": (
        GOOD | {"labels": {"__a": "b"}},
        "labels: names with texts of at most 1024 characters are expected",
    ),
    "many": (GOOD | {"labels": {f"l{i}": "x" for i in range(33)}}, "labels: 32 are the most"),
    "future": (
        GOOD | {"timestamp": time.time() + 9999},
        "timestamp: more than an hour ago or more than 5 minutes ahead",
    ),
    "never": (
        GOOD | {"timestamp": -(10**400)},
        "timestamp: more than an hour ago or more than 5 minutes ahead",
    ),
    "text": (GOOD | {"timestamp": "now"}, NO_TIME),
    "no zone": (GOOD | {"timestamp": datetime.now(UTC).replace(tzinfo=None).isoformat()}, NO_TIME),
    "past": (
        GOOD | {"timestamp": "2001-01-31T23:59:00Z"},
        "timestamp: more than an hour ago or more than 5 minutes ahead",
    ),
    "key": (
        GOOD | {"vaule": 1},
        "unknown key vaule; known here: labels, name, timestamp, value",
    ),
}


async def test_all_that_is_wrong_is_said_at_once_and_then_nothing_is_taken(
    app: App, client: TestClient[Any, Any]
) -> None:
    await app.service.ticker.tick()
    sent = [GOOD, *(one for one, _ in BAD.values())]
    answer = await client.post(PATH, json={"observations": sent})
    assert answer.status == 400
    expected = [{"index": i, "problem": why} for i, (_, why) in enumerate(BAD.values(), start=1)]
    assert (await answer.json())["errors"] == expected
    assert app.service.pushed.counts["taken"] == 0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "not JSON: Expecting value: line 1 column 1 (char 0)"),
        ("[]", "a list `observations` of at least one is expected in it"),
        ("{}", "a list `observations` of at least one is expected in it"),
        ('{"observations": []}', "a list `observations` of at least one is expected in it"),
        ('{"observations": 5}', "a list `observations` of at least one is expected in it"),
        (b"\xff", "not JSON: 'utf-8' codec can't decode byte 0xff"),
        ("[" * 100_000, "not JSON: maximum recursion depth exceeded"),
    ],
)
async def test_a_body_of_another_shape_is_malformed(
    client: TestClient[Any, Any], body: str, words: str
) -> None:
    answer = await client.post(PATH, data=body, headers={"Content-Type": "application/json"})
    assert answer.status == 400
    ((problem,),) = [one.values() for one in (await answer.json())["errors"]]
    assert problem.startswith(f"body: {words}")
    assert problem.endswith(
        'send an object like {"observations": [{"name": "orders_per_minute", "value": 12}]}'
    )


@pytest.mark.parametrize("value", [9.9e15, -9.9e15])
async def test_the_largest_values_that_are_taken_are_scored(
    app: App, client: TestClient[Any, Any], value: float
) -> None:
    await client.post(PATH, json={"observations": [GOOD | {"value": value}]})
    await app.service.ticker.tick()
    assert 'tocsin_signals{state="warming"} 1\n' in page(app)


async def test_a_form_is_refused_since_any_web_page_can_send_one(
    client: TestClient[Any, Any],
) -> None:
    assert (await client.post(PATH, data="{}")).status == 415


async def test_a_body_beyond_a_mebibyte_is_refused(client: TestClient[Any, Any]) -> None:
    body = io.BytesIO(b" " * (2**20 + 1))
    answer = await client.post(PATH, data=body, headers={"Content-Type": "application/json"})
    assert answer.status == 413
