"""People sign in once, look at incidents, and act on them; no other site's page can."""

import re
from collections.abc import AsyncIterator
from html import unescape
from typing import Any

import pytest
from aiohttp import ClientSession
from pydantic import SecretStr

from receiver.incidents.acting import Acting
from receiver.store.records import Decision
from receiver.store.store import Store
from receiver.web.auth import Scope, Token
from receiver.web.keys import Desk, Site
from tests.receiver.clients import Client
from tests.receiver.webhooks import alert, webhook

HOSTILE = "<script>alert(1)</script>\"'&"


@pytest.fixture
async def client(client: Client, site: Site, store: Store) -> AsyncIterator[Client]:
    """Let people act on one incident."""
    told = webhook([alert("web-1", summary=HOSTILE)], groupLabels={"alertname": HOSTILE})
    await store.accept(told, lambda _: Decision(("ops",)))
    async with ClientSession() as http:
        acting = Acting(store, http, site.metrics, site.intake.accept, None)
        site.desk = Desk(acting, {}, site.signer, http)
        yield client


def origin(client: Client) -> dict[str, str]:
    return {"Origin": str(client.make_url("")).rstrip("/")}


async def sign_in(client: Client, token: str, onward: str = "/incidents/1") -> Any:
    form = {"token": token, "next": onward}
    return await client.post("/sign-in", data=form, headers=origin(client), allow_redirects=False)


async def seal_of(client: Client) -> str:
    page = await (await client.get("/incidents/1")).text()
    found = re.search('name="seal" value="([^"]+)"', page)
    assert found
    return found[1]


@pytest.mark.usefixtures("guarded")
async def test_whoever_shows_a_token_once_comes_back_to_where_they_were(client: Client) -> None:
    refused = await client.get("/incidents/1?x=1")
    assert refused.status == 401
    assert "Basic" not in str(refused.headers)
    page = await refused.text()
    assert 'action="../sign-in"' in page
    (onward,) = re.findall('name="next" value="([^"]+)"', page)
    answer = await sign_in(client, "operate", unescape(onward))
    assert (answer.status, answer.headers["Location"]) == (303, "./incidents/1?x=1")
    cookie = answer.headers["Set-Cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=Lax", "Max-Age=604800"))
    assert "operate" not in cookie.partition(";")[0].replace("b3BlcmF0ZQ", "")
    assert (await client.get("/incidents/1")).status == 200


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize(
    "onward", ["//evil.example.com", "/\\evil.example.com", "https://evil.example.com", "/\nX: y"]
)
async def test_nobody_is_sent_to_another_site(client: Client, onward: str) -> None:
    answer = await sign_in(client, "read", onward)
    assert answer.headers["Location"].startswith("./")
    assert "\n" not in answer.headers["Location"]


@pytest.mark.usefixtures("guarded")
async def test_a_wrong_token_or_another_sites_form_signs_nobody_in(client: Client) -> None:
    assert (await sign_in(client, "guess")).status == 403
    form = {"token": "operate", "next": "/"}
    for headers in ({}, {"Origin": "https://evil.example.com"}):
        answer = await client.post("/sign-in", data=form, headers=headers)
        assert answer.status == 403
        assert "Set-Cookie" not in answer.headers


async def test_a_session_ends_with_its_token(client: Client, guarded: list[Token]) -> None:
    await sign_in(client, "read")
    assert (await client.get("/incidents")).status == 200
    (held,) = (token for token in guarded if token.scope is Scope.READ)
    guarded[guarded.index(held)] = held.model_copy(update={"secret": SecretStr("another")})
    assert (await client.get("/incidents")).status == 401


@pytest.mark.usefixtures("guarded")
async def test_signing_out_forgets_the_session(client: Client) -> None:
    await sign_in(client, "read")
    await client.post("/sign-out", headers=origin(client))
    assert (await client.get("/incidents")).status == 401


@pytest.mark.usefixtures("guarded")
async def test_who_may_act_takes_it_and_says_something(client: Client, store: Store) -> None:
    await sign_in(client, "operate")
    form = {"seal": await seal_of(client), "verb": "acknowledge", "comment": "mine"}
    answer = await client.post("/incidents/1", data=form, headers=origin(client))
    page = await answer.text()
    assert answer.status == 200, page
    assert "Done." in page
    found = await store.incidents.look_up(1, store.now())
    assert found is not None
    assert found.taken is not None
    assert (found.taken.who, found.taken.detail) == ("operate", "mine")
    form |= {"verb": "comment", "comment": f"see https://example.com/x {HOSTILE}"}
    page = await (await client.post("/incidents/1", data=form, headers=origin(client))).text()
    assert '<a href="https://example.com/x"' in page
    assert "<script>" not in page
    assert 'value="acknowledge"' not in page


@pytest.mark.usefixtures("guarded")
async def test_a_form_of_another_page_changes_nothing(client: Client, store: Store) -> None:
    await sign_in(client, "operate")
    seal = await seal_of(client)
    elsewhere = {"Origin": "https://evil.example.com"}
    for headers, shown in (({}, seal), (elsewhere, seal), (origin(client), "made up")):
        form = {"seal": shown, "verb": "acknowledge"}
        assert (await client.post("/incidents/1", data=form, headers=headers)).status == 403
    found = await store.incidents.look_up(1, store.now())
    assert found is not None
    assert found.taken is None


@pytest.mark.usefixtures("guarded")
async def test_who_may_only_look_has_no_buttons(client: Client) -> None:
    await sign_in(client, "read")
    page = await (await client.get("/incidents/1")).text()
    assert "<button" not in page
    assert "To act you need a token" in page
    assert (await client.post("/incidents/1", data={}, headers=origin(client))).status == 403


async def test_without_tokens_this_machine_may_look_and_act(client: Client) -> None:
    page = await (await client.get("/incidents?q=script&state=open")).text()
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert "Nothing is like that" in await (await client.get("/incidents?q=nothing")).text()
    form = {"seal": await seal_of(client), "verb": "acknowledge"}
    answer = await client.post("/incidents/1", data=form, headers=origin(client))
    assert "Done." in await answer.text()


@pytest.mark.parametrize("path", ["/incidents/9", "/incidents/99999999999999999"])
async def test_an_incident_that_there_is_not_is_said_to_be_none(client: Client, path: str) -> None:
    answer = await client.get(path)
    assert answer.status == 404
    assert "no such incident" in await answer.text()
