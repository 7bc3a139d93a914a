"""People see how each channel does, by the API and in a page, and test one from there."""

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from receiver.channels.inbox import Inbox
from receiver.delivery.sending import Outlet
from receiver.messages.render import Style
from receiver.model import Language, Notification, SendError
from receiver.store.records import Decision, Known, Outcome
from receiver.store.store import Store
from receiver.web.keys import Site
from tests.fakes.alerts import make_message
from tests.receiver.claiming import claim, settle
from tests.receiver.clients import Client
from tests.receiver.web.test_cases import HOSTILE, origin, sign_in
from tests.receiver.web.test_quiet import said
from tests.receiver.webhooks import alert, webhook

DAY = timedelta(days=1)


def owed(_: Known) -> Decision:
    return Decision(("ops",))


@pytest.fixture
async def past(store: Store) -> None:
    """Two were sent and one given up today, one is owed after a failure; yesterday had more."""
    now = store.now()
    old = Outcome("dead", "gone", "long ago")
    fates = [
        old,
        old,
        Outcome("sent", message=make_message("x")),
        Outcome("dead", "rejected", "no"),
    ]
    fates += [Outcome("sent", message=make_message("y"))]
    fates += [Outcome("later", "timeout", HOSTILE, not_before=now + DAY)]
    for number, fate in enumerate(fates):
        at = now - (2 * DAY if fate is old else timedelta(minutes=60 - number))
        told = webhook([alert(f"host-{number}")], groupKey=str(number))
        await store.accept(replace(told, received_at=at), owed)
        delivery = await claim(store, "ops", at, at + timedelta(seconds=1))
        assert delivery is not None
        await settle(store, delivery, fate, at)


async def ask(client: Client) -> Any:
    answer = await client.get("/api/v1/channels")
    assert answer.status == 200, await answer.text()
    return {each["name"]: each for each in (await answer.json())["channels"]}


@pytest.mark.usefixtures("past")
async def test_a_channel_is_told_of_with_how_it_fared_for_a_day(
    client: Client, store: Store
) -> None:
    found = await ask(client)
    ops, inbox = found["ops"], found["inbox"]
    assert (ops["owed"], ops["sent"], ops["dead"], ops["resting"]) == (1, 2, 1, False)
    assert ops["oldest"] < store.now().isoformat()
    assert (ops["last_error"]["reason"], ops["last_error"]["error"]) == ("timeout", HOSTILE)
    nothing = (inbox["owed"], inbox["oldest"], inbox["sent"], inbox["dead"], inbox["last_error"])
    assert nothing == (0, None, 0, 0, None)


@pytest.mark.usefixtures("past")
async def test_the_page_says_the_same_and_escapes_what_others_wrote(client: Client) -> None:
    page = await (await client.get("/channels")).text()
    assert "<script>" not in page
    assert f"timeout: {HOSTILE}" in unescape(page)
    assert "2 sent, 1 given up" in page
    assert "0 sent, 0 given up" in page
    assert page.count(">Ready<") == 2


async def test_a_channel_at_rest_says_until_when(client: Client, site: Site, store: Store) -> None:
    outlet = Outlet("ops", Inbox(type="inbox"), Style("text", Language.EN, "UTC"))
    site.outlets = {"ops": outlet}
    await store.accept(webhook(), owed)
    until = store.now() + timedelta(minutes=5)
    delivery = await claim(store, "ops", store.now(), store.now() + timedelta(seconds=9))
    assert delivery is not None
    later = (delivery, Outcome("later", "auth", "HTTP 401", not_before=until))
    await store.settle(
        outlet.line, [later], store.now(), lambda gate: replace(gate, open_until=until)
    )
    ops = (await ask(client))["ops"]
    assert (ops["resting"], ops["rests_until"]) == (True, until.isoformat())
    page = await (await client.get("/channels")).text()
    assert "Rests until" in page


async def send(client: Client, channel: str) -> str:
    page = await (await client.get("/channels")).text()
    (seal, *_) = re.findall('name="seal" value="([^"]+)"', page)
    form = {"seal": seal, "channel": channel}
    answer = await client.post("/channels", data=form, headers=origin(client))
    assert answer.status == 200
    return said(await answer.text())


@pytest.mark.usefixtures("guarded")
async def test_a_test_is_sent_from_the_page_and_noted(
    client: Client, site: Site, store: Store
) -> None:
    await sign_in(client, "operate")
    sent: list[str] = []

    async def send_test(name: str, _: Notification) -> None:
        if name not in site.channels:
            raise KeyError(name)
        if sent:
            raise SendError("auth", HOSTILE)
        sent.append(name)

    site.send_test = send_test
    assert await send(client, "ops") == "The test was sent. ops"
    assert await send(client, "ops") == f"That did not work, or not all of it ops: auth: {HOSTILE}"
    assert await send(client, "else") == "There is no such channel. else"
    noted = [each.change for each in reversed(await store.changes())]
    assert [(c.who, c.action, c.subject, c.detail) for c in noted] == [
        ("operate", "test", "channel ops", "sent"),
        ("operate", "test", "channel ops", f"auth: {HOSTILE}"),
    ]


@pytest.mark.usefixtures("guarded")
async def test_who_may_only_look_tests_nothing(client: Client) -> None:
    assert (await client.get("/channels")).status == 401
    await sign_in(client, "read")
    assert "<button" not in await (await client.get("/channels")).text()
    form = {"channel": "ops"}
    assert (await client.post("/channels", data=form, headers=origin(client))).status == 403
    await sign_in(client, "operate")
    assert (await client.post("/channels", data=form, headers=origin(client))).status == 403
