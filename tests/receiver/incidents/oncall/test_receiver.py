"""From an override by the API to the message about it, in a receiver that runs."""

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from aiohttp import ClientSession

from receiver import app, config
from receiver.intake import handover

PLAN = {
    "timezone": "Asia/Shanghai",
    "layers": [{"people": ["ada"], "start": "2026-01-05 09:00"}],
    "handover": "inbox",
}
SETTINGS = {
    "listen": "127.0.0.1:0",
    "language": "zh",
    "people": {"ada": {"name": "Ada"}, "bob": {"name": "王庆"}},
    "schedules": {"ops": PLAN},
}


async def test_whoever_stands_in_is_on_the_page_in_the_metrics_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path))
    monkeypatch.setattr(handover, "_PERIOD", 0.05)
    (tmp_path / "receiver.yml").write_text(yaml.safe_dump(SETTINGS))
    settings = config.load(tmp_path / "receiver.yml")
    async with app.running(settings) as url, ClientSession(url) as http:
        async with asyncio.timeout(20):
            while not seen(tmp_path / "tocsin.db"):  # noqa: ASYNC110 -- it tells no event
                await asyncio.sleep(0.05)
        until = datetime.now(UTC) + timedelta(days=1)
        stands_in = {"person": "bob", "until": until.isoformat()}
        answer = await http.post("/api/v1/schedules/ops/overrides", json=stands_in)
        assert answer.status == 201, await answer.text()
        async with asyncio.timeout(20):
            while "ops: Ada → 王庆" not in await read(http, "/"):  # noqa: ASYNC110 -- the same
                await asyncio.sleep(0.05)
        assert 'tocsin_on_call{person="bob",schedule="ops"} 1.0' in await read(http, "/metrics")
        assert "<b>王庆</b>" in await read(http, "/on-call")


async def read(http: ClientSession, path: str) -> str:
    async with http.get(path) as answer:
        assert answer.status == 200
        return await answer.text()


def seen(path: Path) -> bool:
    """Whether the receiver has noted who it is now."""
    with sqlite3.connect(path) as store:
        found = store.execute("select person from handovers").fetchall()
    store.close()
    return found == [("ada",)]
