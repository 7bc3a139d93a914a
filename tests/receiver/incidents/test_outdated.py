"""Messages in Slack that a digest has overtaken say what is so, and offer no more what is over."""

from typing import Any

import pytest
from aiohttp import ClientSession

from tests.fakes.slack import FakeSlack
from tests.receiver.incidents.kit import click, tell, until


@pytest.fixture
def document(document: dict[str, Any]) -> dict[str, Any]:
    document["channels"]["chat"]["pace"] = "4/1s"  # one every half a second
    return document


async def both_shown(http: ClientSession, url: str, slack: FakeSlack) -> None:
    await tell(http, url, groupKey="one")
    await until(lambda: len(slack.standing) == 1)  # else one digest might tell of both
    await tell(http, url, groupKey="two")
    await until(lambda: len(slack.standing) == 2)


async def both_over(http: ClientSession, url: str, slack: FakeSlack) -> None:
    """Tell of both while nothing may be sent, and wait for the digest."""
    for group in ("one", "two"):
        await tell(http, url, "resolved", groupKey=group)
    await until(lambda: any("2 messages in one" in text for text in slack.texts))


def roots(slack: FakeSlack) -> list[str]:
    return [slack.standing[f"1700000000.{number:06}"]["text"] for number in range(2)]


async def test_what_a_digest_told_is_brought_up_to_date_where_it_stands(
    http: ClientSession, url: str, slack: FakeSlack
) -> None:
    await both_shown(http, url, slack)
    await both_over(http, url, slack)
    await until(lambda: all("Resolved" in text for text in roots(slack)))
    assert slack.buttons() == ["useful", "noise", "late"]
    assert len(slack.messages) == 3  # nobody is told that they were changed


async def test_slack_may_refuse_a_change_for_now_or_for_ever(
    http: ClientSession, url: str, slack: FakeSlack
) -> None:
    await both_shown(http, url, slack)
    slack.words.extend(["", "edit_window_closed"])
    await both_over(http, url, slack)
    await until(lambda: sum("Resolved" in text for text in roots(slack)) == 1)
    seen = len(slack.seen)
    assert await click(http, url, slack, "acknowledge", "UADA") == 200
    assert slack.whispers
    assert len(slack.seen) == seen + 1  # and the other is not tried again
