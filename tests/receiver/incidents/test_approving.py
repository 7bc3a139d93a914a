"""A response that asks is approved from the chat: by a button, or by a link with a page."""

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import ClientSession

from tests.fakes.dingtalk import FakeDingTalk
from tests.fakes.slack import FakeSlack
from tests.receiver.incidents.conftest import ADA, EVE
from tests.receiver.incidents.kit import audited, click, tell, until

BOOK = {
    "name": "mend",
    "match": ['instance="web-1"'],
    "mode": "approve",
    "guard": {"targets": ["web-1"]},
    "verify": {"within": "50ms", "every": "10ms", "checks": [{"check": "cleared"}]},
    "on_failure": ["boss"],
}


def was_made(path: Path) -> bool:
    return path.exists()


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return tmp_path / "made"


@pytest.fixture
def document(
    document: dict[str, Any],
    made: Path,
    dingtalk: FakeDingTalk,
    secret_file: Callable[[str, str], str],
) -> dict[str, Any]:
    """Ada may operate and Eve approve; the second channel has links for both."""
    steps = [{"action": "command", "argv": ["/usr/bin/touch", str(made)]}]
    (made.parent / "mend.yml").write_text(yaml.safe_dump(BOOK | {"steps": steps}))
    boss = {
        "type": "dingtalk",
        "url_file": secret_file("boss.url", dingtalk.url),
        "secret_file": secret_file("boss.secret", dingtalk.secret),
        "people": ["ada", "eve"],
    }
    return document | {
        "channels": document["channels"] | {"boss": boss},
        "routes": [{"channels": ["chat"]}],
        "people": {"ada": ADA, "eve": EVE},
        "runbooks": ["mend.yml"],
        "responses": {"allow_root": True},
    }


@pytest.fixture
async def asked(http: ClientSession, url: str, slack: FakeSlack) -> str:
    """Have run 1 ask in the thread of the incident."""
    await tell(http, url)
    await until(lambda: bool(slack.standing) and "approve-1" in slack.buttons())
    return url


async def test_the_message_says_what_is_asked_and_a_click_lets_it_act(
    http: ClientSession, asked: str, slack: FakeSlack, made: Path, dingtalk: FakeDingTalk
) -> None:
    assert slack.buttons()[:2] == ["approve-1", "refuse-1"]
    await until(lambda: any("asks whether" in text for text in slack.texts))
    assert any(f"asks whether it may act on web-1: /usr/bin/touch {made}" in t for t in slack.texts)
    assert "Approval wanted" in slack.standing["1700000000.000000"]["text"]
    assert await click(http, asked, slack, "approve-1", "UEVE") == 200
    await until(made.exists)
    await until(lambda: bool(dingtalk.texts))  # it did not help: who must hear of failures does
    assert "A person must look" in dingtalk.texts[0]
    assert "nobody can tell whether it helped" in dingtalk.texts[0]
    said = await audited(http, asked)
    assert ("Eve", "approve", "run 1", "mend on web-1") in said
    assert await click(http, asked, slack, "approve-1", "UEVE") == 200
    assert slack.whispers[-1][1] == "This response does not ask, or not any longer."


@pytest.mark.parametrize(
    ("verb", "user", "words", "reason"),
    [
        ("approve-1", "UADA", "needs the role approve", "no_approver"),
        ("refuse-1", "UMALLORY", "does not know you", "stranger"),
        ("approve-9", "UEVE", "There is no such response", "unknown_run"),
    ],
)
async def test_who_may_not_decide_is_told_why_and_it_is_in_the_audit(
    http: ClientSession,
    asked: str,
    slack: FakeSlack,
    made: Path,
    verb: str,
    user: str,
    words: str,
    reason: str,
) -> None:
    await click(http, asked, slack, verb, user)
    await until(lambda: bool(slack.whispers))
    assert words in slack.whispers[0][1]
    assert (await audited(http, asked))[-1][3].startswith(f"refused: {reason}")
    assert not was_made(made)


async def test_a_click_refuses_it_and_everybody_hears_by_whom(
    http: ClientSession, asked: str, slack: FakeSlack, made: Path, dingtalk: FakeDingTalk
) -> None:
    await click(http, asked, slack, "refuse-1", "UEVE")
    await until(lambda: any("by Eve" in text for text in slack.texts))
    assert not was_made(made)
    assert dingtalk.texts == []


async def test_only_an_approver_s_page_has_the_buttons(
    http: ClientSession, linked: dict[str, str], made: Path
) -> None:
    for name, there in (("Ada", False), ("Eve", True)):
        async with http.get(linked[name]) as answer:
            page = unescape(await answer.text())
        assert f"<code>/usr/bin/touch {made}</code>" in page
        assert ('value="approve-1"' in page) is there
    assert not was_made(made)
    async with http.post(linked["Ada"], data={"verb": "approve-1"}) as answer:
        assert answer.status == 409
    async with http.post(linked["Eve"], data={"verb": "approve-1"}) as answer:
        assert answer.status == 200
        assert "Done." in await answer.text()
    await until(made.exists)


@pytest.fixture
async def linked(
    http: ClientSession, both: dict[str, Any], url: str, dingtalk: FakeDingTalk
) -> dict[str, str]:
    """Return the links of the message that asks, as paths of the receiver that runs here."""
    assert len(both["routes"]) == 1
    await tell(http, url)
    await until(lambda: any("asks whether" in text for text in dingtalk.texts))
    text = next(text for text in dingtalk.texts if "asks whether" in text)
    found = re.findall(r"\[Handle as (\w+)\]\(https://tocsin.example.com([^)]+)\)", text)
    return {name: url + path for name, path in found}


@pytest.fixture
def both(document: dict[str, Any]) -> dict[str, Any]:
    """Have the channel with links told of everything."""
    document["routes"] = [{"channels": ["chat", "boss"]}]
    return document
