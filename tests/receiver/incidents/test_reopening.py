"""What fires again soon after its end goes on where it stands, in the chat as on the pages."""

from typing import Any

from aiohttp import ClientSession

from tests.fakes.slack import FakeSlack
from tests.receiver.incidents.kit import JSON, click, until
from tests.receiver.webhooks import alert, body

ROOT = "1700000000.000000"


async def say(http: ClientSession, url: str, status: str, began: int) -> None:
    raw = body([alert("web-1", status, began)])
    async with http.post(f"{url}/webhook/alertmanager", data=raw, headers=JSON) as answer:
        assert answer.status == 200, await answer.text()


async def look(http: ClientSession, url: str) -> dict[str, Any]:
    async with http.get(f"{url}/api/v1/incidents/1") as answer:
        found: dict[str, Any] = await answer.json()
    return found


async def test_it_goes_on_in_the_same_thread_as_nobody_s_and_says_how_often(
    http: ClientSession, url: str, slack: FakeSlack
) -> None:
    await say(http, url, "firing", 0)
    await until(lambda: bool(slack.standing))
    await click(http, url, slack, "acknowledge", "UADA")
    await until(lambda: len(slack.messages) == 2)
    await say(http, url, "resolved", 0)
    await until(lambda: len(slack.messages) == 3)
    before = await look(http, url)
    await say(http, url, "firing", 5)
    await until(lambda: len(slack.messages) == 4)
    last = slack.messages[3]
    assert (last["thread_ts"], last["reply_broadcast"]) == (ROOT, True)
    assert "reopened" in slack.standing[ROOT]["text"]
    assert "*Reopened:* once" in slack.texts[3]
    assert "Acknowledged" not in slack.texts[3]
    assert slack.buttons() == ["acknowledge"]
    found = await look(http, url)
    assert (before["state"], before["reopened"]) == ("resolved", 0)
    assert (found["state"], found["reopened"], found["taken"]) == ("open", 1, None)
    assert found["reopened_at"] is not None
    kinds = [event["kind"] for event in found["timeline"]]
    assert [kinds.count(kind) for kind in ("opened", "over", "reopened")] == [1, 1, 1]
    async with http.get(f"{url}/incidents/1") as page:
        text = await page.text()
    assert "<dt>Reopened</dt><dd>1, last" in text
    assert "opened again" in text
