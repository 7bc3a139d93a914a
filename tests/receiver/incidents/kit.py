"""What a test of acts does: tell of an alert, wait for what comes of it, look things up."""

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import ClientSession

from tests.fakes.slack import FakeSlack
from tests.receiver.webhooks import alert, body

JSON = {"Content-Type": "application/json"}


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 -- the other side tells no event
            await asyncio.sleep(0.02)


async def tell(http: ClientSession, url: str, status: str = "firing", **changes: Any) -> None:
    raw = body([alert("web-1", status), alert("web-2", status)], **changes)
    async with http.post(f"{url}/webhook/alertmanager", data=raw, headers=JSON) as answer:
        assert answer.status == 200, await answer.text()


async def click(
    http: ClientSession, url: str, slack: FakeSlack, verb: str, user: str, **changes: Any
) -> int:
    raw, headers = slack.click(verb, user, **changes)
    async with http.post(f"{url}/slack/actions", data=raw, headers=headers) as answer:
        return answer.status


async def audited(http: ClientSession, url: str) -> list[tuple[str, str, str, str]]:
    """Return who did what to what, and how, the first first."""
    async with http.get(f"{url}/api/v1/audit") as answer:
        changes = (await answer.json())["changes"]
    return [(c["who"], c["action"], c["subject"], c["detail"]) for c in reversed(changes)]


async def counted(http: ClientSession, url: str, verb: str, outcome: str) -> float:
    async with http.get(f"{url}/metrics") as page:
        lines = (await page.text()).splitlines()
    start = f'tocsin_acts_total{{outcome="{outcome}",verb="{verb}"}}'
    return next(float(line.split()[1]) for line in lines if line.startswith(start))
