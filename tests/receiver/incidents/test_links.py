"""Signed links: one person acts by one on one incident for a day, and by nothing else."""

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from aiohttp import ClientSession

from tests.fakes.dingtalk import FakeDingTalk
from tests.receiver.incidents.conftest import ADA, BOB, EVE
from tests.receiver.incidents.kit import audited, tell, until


@pytest.fixture
def document(dingtalk: FakeDingTalk, secret_file: Any) -> dict[str, Any]:
    ops = {
        "type": "dingtalk",
        "url_file": secret_file("ops.url", dingtalk.url),
        "secret_file": secret_file("ops.secret", dingtalk.secret),
        "people": ["ada", "eve"],
    }
    return {
        "listen": "127.0.0.1:0",
        "external_url": "https://tocsin.example.com",
        "channels": {"ops": ops},
        "people": {"ada": ADA, "bob": BOB, "eve": EVE},
    }


@pytest.fixture
async def links(http: ClientSession, url: str, dingtalk: FakeDingTalk) -> dict[str, str]:
    """Return the links of a message by name, as paths of the receiver that runs here."""
    await tell(http, url)
    await until(lambda: bool(dingtalk.texts))
    found = re.findall(
        r"\[Handle as (\w+)\]\(https://tocsin.example.com([^)]+)\)", dingtalk.texts[0]
    )
    return {name: url + path for name, path in found}


async def test_opening_a_link_shows_the_incident_and_changes_nothing(
    http: ClientSession, url: str, links: dict[str, str]
) -> None:
    assert links.keys() == {"Ada", "Eve"}
    for method in ("GET", "HEAD"):
        async with http.request(method, links["Ada"]) as answer:
            page = await answer.text()
            assert answer.status == 200
            assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
    async with http.get(links["Ada"]) as answer:
        page = unescape(await answer.text())
    assert "You act as <b>Ada</b>" in page
    assert "Down" in page
    assert "web-1, web-2" in page
    assert re.findall('name="verb" value="([^"]+)"', page) == ["acknowledge"]
    assert await audited(http, url) == []


async def test_the_form_takes_the_incident_and_the_chat_hears_of_it(
    http: ClientSession, url: str, links: dict[str, str], dingtalk: FakeDingTalk
) -> None:
    async with http.post(links["Ada"], data={"verb": "acknowledge"}) as answer:
        page = await answer.text()
        assert answer.status == 200
    assert "Done." in page
    assert "Acknowledged by" in page
    assert "button" not in page
    await until(lambda: len(dingtalk.texts) == 2)
    assert "**Ada** has taken this" in dingtalk.texts[1]
    assert ("Ada", "acknowledge", "incident 1", "done") in await audited(http, url)
    async with http.post(links["Ada"], data={"verb": "acknowledge"}) as answer:
        assert "Already done by Ada." in await answer.text()


async def test_a_person_without_the_role_sees_it_and_may_do_nothing(
    http: ClientSession, url: str, links: dict[str, str]
) -> None:
    async with http.get(links["Eve"]) as answer:
        assert "needs the role operate" in await answer.text()
    async with http.post(links["Eve"], data={"verb": "acknowledge"}) as answer:
        assert answer.status == 409
    assert await audited(http, url) == [
        ("Eve", "acknowledge", "incident 1", "refused: role"),
    ]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "change",
    [
        {"who": "bob"},
        {"who": ""},
        {"until": "99999999999"},
        {"until": "never"},
        {"seal": "AAAAAAAAAAAAAAAAAAAAAA"},
        {"seal": ""},
        {"path": "/act/2"},
        {"path": "/act/1000000000000000000000000000"},
    ],
)
async def test_a_changed_link_is_forged(
    http: ClientSession, url: str, links: dict[str, str], change: dict[str, str], method: str
) -> None:
    parts = urlsplit(links["Ada"])
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    address = url + change.get("path", parts.path)
    query |= {key: value for key, value in change.items() if key != "path"}
    data = {"verb": "acknowledge"}
    async with http.request(method, f"{address}?{urlencode(query)}", data=data) as answer:
        assert answer.status == 403
        assert "not one of ours" in await answer.text()
    assert await audited(http, url) == []


async def test_after_it_is_over_there_is_only_left_to_say_what_one_thought_of_it(
    http: ClientSession, url: str, links: dict[str, str]
) -> None:
    await tell(http, url, "resolved")
    async with http.post(links["Ada"], data={"verb": "acknowledge"}) as answer:
        assert answer.status == 409
        page = await answer.text()
    assert "It is over already." in page
    assert re.findall('name="verb" value="([^"]+)"', page) == ["useful", "noise", "late"]
    async with http.post(links["Ada"], data={"verb": "noise"}) as answer:
        assert answer.status == 200
        assert "Done." in await answer.text()
    assert ("Ada", "noise", "incident 1", "done") in await audited(http, url)


async def test_the_page_asks_for_nothing_but_its_own_styles(
    http: ClientSession, links: dict[str, str]
) -> None:
    async with http.get(links["Ada"]) as answer:
        page = await answer.text()
        base = answer.url
    styles = re.findall('<link rel="stylesheet" href="([^"]+)"', page)
    assert len(styles) == 2
    assert "<script" not in page
    for style in styles:
        async with http.get(base.join(type(base)(style))) as answer:
            assert answer.status == 200
    async with http.get(base.with_query("who=x")) as answer:
        notice = await answer.text()
    (style,) = re.findall('<link rel="stylesheet" href="([^"]+)"', notice)
    async with http.get(base.join(type(base)(style))) as answer:
        assert answer.status == 200
