"""Several groups of one host are one incident: one thread, one page, one acknowledgement."""

from typing import Any

import pytest
from aiohttp import ClientSession

from tests.fakes.slack import FakeSlack
from tests.receiver.incidents.kit import JSON, click, until
from tests.receiver.webhooks import alert, body

ROOT = "1700000000.000000"


@pytest.fixture
def document(document: dict[str, Any]) -> dict[str, Any]:
    return document | {"incidents": {"join": [{"by": ["instance"], "within": "10m"}]}}


async def say(http: ClientSession, url: str, name: str, status: str = "firing") -> None:
    told = [alert("web-1", status, alertname=name)]
    raw = body(told, groupKey=name, groupLabels={"alertname": name})
    async with http.post(f"{url}/webhook/alertmanager", data=raw, headers=JSON) as answer:
        assert answer.status == 200, await answer.text()


async def look(http: ClientSession, url: str, path: str) -> Any:
    async with http.get(f"{url}/api/v1/{path}") as answer:
        assert answer.status == 200
        return await answer.json()


async def test_what_joins_is_told_in_the_thread_and_is_had_and_over_with_the_first(
    http: ClientSession, url: str, slack: FakeSlack
) -> None:
    await say(http, url, "Down")
    await until(lambda: bool(slack.standing))
    await say(http, url, "Slow")
    await until(lambda: len(slack.messages) == 2)
    reply = slack.messages[1]
    assert (reply["thread_ts"], reply["reply_broadcast"]) == (ROOT, True)
    assert "joined" in reply["text"]
    assert "*Also firing:* Down" in slack.texts[1]
    assert "Down" in slack.standing[ROOT]["text"]
    assert slack.buttons() == ["acknowledge"]

    await click(http, url, slack, "acknowledge", "UADA")
    await until(lambda: len(slack.messages) == 3)
    assert "*Ada* has taken this" in slack.texts[2]
    (one,) = (await look(http, url, "incidents"))["incidents"]
    assert (one["id"], one["state"], one["firing"]) == (1, "acknowledged", 2)
    assert [(each["id"], each["title"]) for each in one["members"]] == [(2, "Slow")]
    member = await look(http, url, "incidents/2")
    assert member["id"] == 1
    assert {each["labels"]["alertname"] for each in member["alerts_named"]} == {"Down", "Slow"}
    assert "joined" in {event["kind"] for event in member["timeline"]}
    async with http.get(f"{url}/incidents/2") as page:
        assert page.url.path == "/incidents/1"
        text = await page.text()
    assert "<dt>With it</dt><dd>Slow (Critical)</dd>" in text

    await say(http, url, "Down", "resolved")
    await until(lambda: len(slack.messages) == 4)
    assert "*Also firing:* Slow" in slack.texts[3]
    assert "*Acknowledged:* Ada" in slack.texts[3]
    assert (await look(http, url, "incidents/1"))["state"] == "acknowledged"
    await say(http, url, "Slow", "resolved")
    await until(lambda: len(slack.messages) == 5)
    assert slack.messages[4]["thread_ts"] == ROOT
    assert "Also firing" not in slack.texts[4]
    assert (await look(http, url, "incidents/2"))["state"] == "resolved"
