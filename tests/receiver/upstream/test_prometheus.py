from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import ClientSession

from receiver.upstream.asking import AskError
from receiver.upstream.prometheus import Point, Prometheus, Rule, ask_now, ask_range, ask_rules
from tests.fakes.prometheus import FakePrometheus

NOW = datetime.fromtimestamp(1.7e9, UTC)


@pytest.fixture
async def prometheus() -> AsyncIterator[FakePrometheus]:
    async with FakePrometheus() as fake:
        yield fake


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


def told(fake: FakePrometheus, folder: Path | None = None, **keys: str) -> Prometheus:
    return Prometheus.model_validate({"url": fake.base, **keys}, context={"folder": folder})


async def test_rules_are_known_by_the_names_of_their_alerts(
    prometheus: FakePrometheus, http: ClientSession
) -> None:
    prometheus.alerts("Down", "up == 0", severity="critical")
    prometheus.alerts("Down", "up{job='db'} == 0")
    assert await ask_rules(http, told(prometheus)) == {
        "Down": (Rule("up == 0", {"severity": "critical"}), Rule("up{job='db'} == 0", {}))
    }


async def test_what_is_no_number_is_no_value(
    prometheus: FakePrometheus, http: ClientSession
) -> None:
    prometheus.says("up", ({"job": "a"}, 1.0), ({"job": "b"}, float("nan")))
    assert await ask_now(http, told(prometheus), "up", NOW) == [Point({"job": "a"}, 1.0)]
    (series, empty) = await ask_range(http, told(prometheus), "up", 0.0, 60.0, 30.0)
    assert (series.times, series.values) == ((0.0, 30.0, 60.0), (1.0, 1.0, 1.0))
    assert empty.values == ()


async def test_the_token_is_shown(
    prometheus: FakePrometheus, http: ClientSession, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("0123456789abcdef")
    await ask_rules(http, told(prometheus, tmp_path, token_file="token"))
    assert prometheus.authorized == ["Bearer 0123456789abcdef"]


@pytest.mark.parametrize(
    ("ugly", "reason"),
    [("hangs", "timeout"), ("html", "unexpected"), ("closes", "unreachable"), (503, "refused")],
)
async def test_each_way_not_to_answer_has_a_name(
    prometheus: FakePrometheus, http: ClientSession, ugly: str, reason: str
) -> None:
    prometheus.broken["/api/v1/query"] = ugly  # type: ignore[assignment]
    with pytest.raises(AskError) as caught:
        await ask_now(http, told(prometheus, timeout="200ms"), "up", NOW)
    assert caught.value.reason == reason
    assert prometheus.base in str(caught.value)


async def test_another_api_is_told_apart(prometheus: FakePrometheus, http: ClientSession) -> None:
    prometheus.rules.append({"name": "no query"})
    with pytest.raises(AskError, match="not Prometheus' API v1"):
        await ask_rules(http, told(prometheus))
