from typing import Any

import numpy as np
import pytest
from aiohttp.test_utils import TestClient, TestServer

from exporter.app import App
from exporter.config import Config
from exporter.groups.groups import Terms
from exporter.model import SeriesKey
from exporter.web import make_web

KEYS = tuple(
    SeriesKey(f"s{i}", (("service", service),)) for service in ("a", "b", "c/d") for i in range(3)
)


@pytest.fixture
def app() -> App:
    config = Config.model_validate(
        {"groups": [{"by": ["service"]}], "state": False, "collectors": {}}
    )
    app = App(config, lambda: config)
    app.service.ticker.groups.update(KEYS, np.zeros(len(KEYS)), 0.0, Terms())
    return app


async def get(app: App, path: str, status: int = 200) -> Any:
    async with TestClient(TestServer(make_web(app.service))) as client:
        answer = await client.get(f"/api/v1/groups{path}")
        assert answer.status == status
        return await answer.json() if status == 200 else await answer.text()


async def test_groups_are_listed_in_pages_by_name(app: App) -> None:
    first = await get(app, "?limit=2")
    assert [one["name"] for one in first["groups"]] == ["service=a", "service=b"]
    assert first["groups"][0]["members"] == 3
    assert first["groups"][0]["score"] is None
    rest = await get(app, f"?limit=2&after={first['next']}")
    assert [one["name"] for one in rest["groups"]] == ["service=c/d"]
    assert rest["next"] is None


async def test_one_group_tells_its_members_whatever_its_name(app: App) -> None:
    told = await get(app, "/service=c/d")
    assert told["members"][0] == {"signal": "s0", "labels": {"service": "c/d"}}
    assert told["contributions"] == []
    assert told["correlation_change"] is None


async def test_a_group_that_is_not_there_and_a_limit_that_is_none_are_said(app: App) -> None:
    assert "no such group: nobody" in await get(app, "/nobody", 404)
    for limit in ("0", "1001", "x", "1e3", "9" * 5000):
        assert "from 1 to 1000" in await get(app, f"?limit={limit}", 400)
