from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from receiver import config
from receiver.doctor.upstream import check_prometheus
from tests.fakes.prometheus import FakePrometheus


@pytest.fixture
async def prometheus() -> AsyncIterator[FakePrometheus]:
    async with FakePrometheus() as fake:
        fake.says("vector(1)", ({}, 1.0))
        yield fake


async def said(url: str | None, folder: Path) -> str:
    document = {} if url is None else {"prometheus": {"url": url}}
    async with ClientSession() as http:
        found = await check_prometheus(config.decode(document, folder / "receiver.yml"), http)
    return str(found[0])


async def test_a_prometheus_with_rules_is_well(prometheus: FakePrometheus, tmp_path: Path) -> None:
    prometheus.alerts("Down", "up == 0")
    assert "answers, and has rules for 1 alerts" in await said(prometheus.base, tmp_path)


async def test_one_without_rules_is_probably_the_wrong_one(
    prometheus: FakePrometheus, tmp_path: Path
) -> None:
    assert (await said(prometheus.base, tmp_path)).startswith("warn")


async def test_without_one_it_is_said_what_messages_lack(tmp_path: Path) -> None:
    assert "no values and no pictures" in await said(None, tmp_path)


async def test_what_is_no_prometheus_is_a_failure(
    prometheus: FakePrometheus, tmp_path: Path
) -> None:
    prometheus.next.append("html")
    assert (await said(prometheus.base, tmp_path)).startswith("FAIL")
