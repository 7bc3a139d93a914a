"""People see what is kept quiet, make it so, longer, and end it, in a page."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from aiohttp import ClientSession, web

from receiver.incidents.acting import Acting
from receiver.store.store import Store
from receiver.upstream.alertmanager import Alertmanager
from receiver.web.keys import Desk, Site
from tests.fakes.web import Answer, FakeWeb
from tests.receiver.clients import Client
from tests.receiver.web.test_cases import HOSTILE, origin, sign_in

NOW = datetime.now(UTC)


@dataclass
class FakeSilences(FakeWeb):
    """An Alertmanager that has silences, as its API v2 writes and takes them."""

    every: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def reply(self, request: web.Request) -> Answer:
        if request.method == "DELETE":
            self.every[request.path.rpartition("/")[2]]["status"] = {"state": "expired"}
            return web.Response()
        if request.method == "GET":
            return web.json_response(list(self.every.values()))
        said = await request.json()
        number = said.setdefault("id", f"made-{len(self.every)}")
        self.every[number] = said | {"status": {"state": "active"}}
        return web.json_response({"silenceID": number})

    def has(self, number: str, pattern: str, comment: str) -> None:
        matcher = {"name": "instance", "value": pattern, "isRegex": True, "isEqual": True}
        self.every[number] = {
            "id": number,
            "matchers": [matcher],
            "startsAt": NOW.isoformat(),
            "endsAt": (NOW + timedelta(hours=2)).isoformat(),
            "createdBy": "ada",
            "comment": comment,
            "status": {"state": "active"},
        }


@pytest.fixture
async def alertmanager() -> AsyncIterator[FakeSilences]:
    async with FakeSilences() as fake:
        fake.has("one", r"web-\pN+", HOSTILE)  # RE2's, which is not Python's
        yield fake


@pytest.fixture
async def client(
    client: Client, site: Site, store: Store, alertmanager: FakeSilences
) -> AsyncIterator[Client]:
    told = Alertmanager.model_validate({"url": alertmanager.base})
    async with ClientSession() as http:
        acting = Acting(store, http, site.metrics, site.intake.accept, told)
        site.desk = Desk(acting, {}, site.signer, http)
        yield client


async def show(client: Client) -> str:
    answer = await client.get("/quiet")
    assert answer.status == 200
    return await answer.text()


async def send(client: Client, **form: str) -> str:
    (seal, *_) = re.findall('name="seal" value="([^"]+)"', await show(client))
    answer = await client.post("/quiet", data={"seal": seal, **form}, headers=origin(client))
    assert answer.status == 200
    return await answer.text()


def said(page: str) -> str:
    """Return what came of a form."""
    ((text, detail),) = re.findall('<p id="said"[^>]*><b>([^<]*)</b>([^<]*)</p>', page)
    return unescape(text + detail)


async def audited(store: Store) -> list[tuple[str, str]]:
    """Return who did what, in order."""
    return [(each.change.who, each.change.action) for each in reversed(await store.changes())]


async def test_the_page_shows_silences_and_windows_and_escapes_what_others_wrote(
    client: Client,
) -> None:
    page = await show(client)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "web-\\\\pN+" in unescape(page)
    assert "backup" in page
    assert "in the configuration" in page
    assert 'aria-label="Cancel' not in page


@pytest.mark.usefixtures("guarded")
async def test_a_silence_is_made_made_longer_and_ended(
    client: Client, store: Store, alertmanager: FakeSilences
) -> None:
    await sign_in(client, "operate")
    wanted = {"matchers": 'job="db"\r\nenv!="dev"\r\n', "for": "90m", "comment": "moving"}
    assert said(await send(client, verb="silence", **wanted)) == "Silenced."
    (_, made) = alertmanager.every.values()
    assert [(m["name"], m["isEqual"]) for m in made["matchers"]] == [("job", True), ("env", False)]
    assert (made["createdBy"], made["comment"]) == ("operate", "moving")
    until = datetime.fromisoformat(made["endsAt"])
    assert said(await send(client, verb="extend", id=made["id"])).endswith("an hour longer.")
    longer = alertmanager.every[made["id"]]
    assert datetime.fromisoformat(longer["endsAt"]) == until + timedelta(hours=1)
    assert longer["matchers"] == made["matchers"]
    page = await send(client, verb="end", id=made["id"])
    assert said(page) == "Ended."
    assert "moving" not in page
    again = await send(client, verb="end", id=made["id"])
    assert said(again) == f"It is over or gone already. {made['id']}"
    verbs = ("silence", "prolong", "unsilence")
    assert await audited(store) == [("operate", verb) for verb in verbs]


async def test_a_pattern_that_is_not_ours_to_read_stays_as_it_is(
    client: Client, alertmanager: FakeSilences
) -> None:
    before = alertmanager.every["one"]
    await send(client, verb="extend", id="one")
    after = alertmanager.every["one"]
    assert after["matchers"] == before["matchers"]
    assert (after["id"], after["createdBy"], after["comment"]) == ("one", "ada", HOSTILE)


async def test_what_makes_no_sense_is_said_and_the_form_keeps_what_was_written(
    client: Client, alertmanager: FakeSilences
) -> None:
    wanted = {"matchers": f"{HOSTILE}", "for": "soon", "comment": "c"}
    page = await send(client, verb="silence", **wanted)
    assert "not a matcher" in said(page)
    assert "not a duration: 'soon'" in said(page)
    assert "<script>" not in page
    assert 'value="soon"' in page
    assert 'class="failed"' in page
    assert len(alertmanager.every) == 1


async def test_a_window_is_planned_and_cancelled(client: Client, store: Store) -> None:
    start = f"{datetime.now(UTC):%Y-%m-%dT%H:%M}"  # of Shanghai's clock: hours ago
    wanted = {"name": HOSTILE.replace("/", ""), "matchers": 'rack="7"', "start": start}
    wanted |= {"duration": "20h", "comment": "see https://example.com/x"}
    page = await send(client, verb="plan", **wanted)
    assert said(page) == "Planned."
    assert '<a href="https://example.com/x"' in page
    assert "<script>" not in page
    assert page.index("rack=") < page.index("backup")
    assert said(await send(client, verb="plan", **wanted)).startswith("There is a window of that")
    page = await send(client, verb="cancel", name=wanted["name"])
    assert said(page) == "Cancelled."
    assert "rack=" not in page.partition("Plan maintenance")[0]
    assert [action for _, action in await audited(store)] == ["plan", "cancel"]


async def test_what_stands_in_the_configuration_stays_there(client: Client) -> None:
    page = await send(client, verb="cancel", name="backup")
    assert said(page).startswith("It is in the configuration")
    assert 'class="failed"' in page


async def test_without_an_alertmanager_that_answers_the_rest_is_shown(
    client: Client, alertmanager: FakeSilences, site: Site
) -> None:
    alertmanager.next.extend([500, 500])
    page = await show(client)
    assert "cannot be shown" in page
    assert "answers /api/v2/silences with 500" in page
    assert "backup" in page
    assert 'value="silence"' not in page
    site.desk = None
    page = await show(client)
    assert "names no Alertmanager" in page
    assert 'value="plan"' in page


async def test_what_alertmanager_refuses_is_said(
    client: Client, alertmanager: FakeSilences
) -> None:
    page = await show(client)
    (seal, *_) = re.findall('name="seal" value="([^"]+)"', page)
    alertmanager.next.append(400)
    form = {"seal": seal, "verb": "end", "id": "one"}
    answer = await client.post("/quiet", data=form, headers=origin(client))
    assert "with 400" in said(await answer.text())
    assert said(await send(client, verb="destroy")) == "There is no such action."


@pytest.mark.usefixtures("guarded")
async def test_who_may_only_look_has_no_forms_and_other_sites_have_none_either(
    client: Client, alertmanager: FakeSilences
) -> None:
    assert (await client.get("/quiet")).status == 401
    await sign_in(client, "read")
    assert "<button" not in await show(client)
    form = {"verb": "end", "id": "one"}
    assert (await client.post("/quiet", data=form, headers=origin(client))).status == 403
    await sign_in(client, "operate")
    (seal, *_) = re.findall('name="seal" value="([^"]+)"', await show(client))
    elsewhere = {"Origin": "https://evil.example.com"}
    for headers, shown in (({}, seal), (elsewhere, seal), (origin(client), "made up")):
        answer = await client.post("/quiet", data=form | {"seal": shown}, headers=headers)
        assert answer.status == 403
    assert alertmanager.every["one"]["status"] == {"state": "active"}
