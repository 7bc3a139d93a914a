"""People look at what is done by itself, say what they think of it, and stop it."""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
from aiohttp import ClientSession
from pydantic import SecretStr

from receiver.incidents.acting import Acting, Actor
from receiver.incidents.people import Person, Role
from receiver.model import Language
from receiver.store.audit import Change
from receiver.store.store import Store
from receiver.web.auth import Scope, Token
from receiver.web.keys import Desk, Site
from receiver.web.pages import Pages
from receiver.web.replying import asks, reply
from tests.receiver.clients import Client
from tests.receiver.responses.kit import House, at, command, runbook

PEOPLE = {
    "ada": Person(name="Ada", roles=(Role.APPROVE,)),
    "bob": Person(name="Bob", roles=(Role.APPROVE, Role.OPERATE)),
    "eve": Person(name="Eve", roles=(Role.OPERATE,)),
}
HELD = {"checks": [{"check": "tcp", "address": "127.0.0.1:1"}]}
URL = "/api/v1/responses"


@pytest.fixture
def tokens() -> list[Token]:
    """A token for each person, a second one of Ada's, and those of nobody for each scope."""
    own = [(f"{key}-pc", Scope.OPERATE, key) for key in PEOPLE]
    own += [
        ("ada-phone", Scope.OPERATE, "ada"),
        ("read", Scope.READ, ""),
        ("root", Scope.ADMIN, ""),
    ]
    return [
        Token.model_construct(
            name=name, scope=scope, secret=SecretStr(name), certificate="", person=key
        )
        for name, scope, key in own
    ]


@pytest.fixture
async def house(store: Store, site: Site, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    async with ClientSession() as http:
        made = House(store, http)
        monkeypatch.setattr(store, "now", made.clock)
        site.engine, site.intake = made.engine, made.intake
        acting = Acting(store, http, site.metrics, made.intake.accept, None)
        site.desk = Desk(acting, PEOPLE, site.signer, http)
        yield made
        await made.engine.close()


def use(house: House, *steps: dict[str, Any], **changes: Any) -> None:
    book = runbook(*steps, **({"mode": "approve", "verify": HELD} | changes))
    house.runbooks = {book.name: book}


async def asking(house: House, *steps: dict[str, Any], **changes: Any) -> None:
    """Have run 1 ask."""
    use(house, *steps, **changes)
    await house.fire("web-1")
    await house.engine.once(house.now)


async def say(client: Client, who: str, verb: str, run: int = 1) -> tuple[int, str]:
    answer = await client.post(f"{URL}/{run}/{verb}", headers={"Authorization": f"Bearer {who}"})
    return answer.status, (await answer.json())["reason"]


async def look(client: Client, path: str = "/1", who: str = "read") -> Any:
    answer = await client.get(URL + path, headers={"Authorization": f"Bearer {who}"})
    assert answer.status == 200
    return await answer.json()


async def change(client: Client, who: str, method: str, path: str, **more: Any) -> int:
    headers = {"Authorization": f"Bearer {who}"}
    return (await client.request(method, URL + path, headers=headers, **more)).status


async def audited(store: Store) -> list[Change]:
    return [entry.change for entry in await store.changes()]


async def test_a_person_agrees_and_it_acts(client: Client, house: House, tmp_path: Path) -> None:
    await asking(house, command("/usr/bin/touch", str(tmp_path / "made")))
    run = await look(client)
    assert (run["state"], run["consents"], run["consents_needed"]) == ("asking", [], 1)
    assert run["approve_until"] > run["changed_at"]
    assert await say(client, "ada-pc", "approve") == (200, "")
    await house.engine.once(house.now)
    await house.engine.idle()
    assert (tmp_path / "made").exists()
    run = await look(client)
    assert [consent["who"] for consent in run["consents"]] == ["Ada"]
    (step,) = run["steps"]
    assert (step["phase"], step["outcome"], step["detail"]) == ("act", "done", "exit 0")
    assert Change("ada-pc", "approve", "run 1", "mend on web-1 (for Ada)") in await audited(
        house.store
    )


async def test_where_two_must_agree_two_tokens_of_one_person_are_one(
    client: Client, house: House
) -> None:
    await asking(house, guard={"two_people": True})
    assert await say(client, "ada-pc", "approve") == (200, "one_more")
    assert await say(client, "ada-phone", "approve") == (200, "twice")
    await house.engine.once(house.now)
    assert (await look(client))["state"] == "asking"
    assert await say(client, "bob-pc", "approve") == (200, "")
    await house.engine.once(house.now)
    assert (await look(client))["state"] != "asking"


@pytest.mark.parametrize(
    ("who", "verb", "status", "reason"),
    [
        ("eve-pc", "approve", 403, "no_approver"),
        ("root", "approve", 403, "no_approver"),
        ("eve-pc", "refuse", 403, "no_approver"),
    ],
)
async def test_who_may_not_approve_is_refused_by_name_and_that_is_audited(
    client: Client, house: House, who: str, verb: str, status: int, reason: str
) -> None:
    await asking(house)
    assert await say(client, who, verb) == (status, reason)
    assert (await audited(house.store))[0].detail.startswith(f"refused: {reason}")
    assert (await look(client))["state"] == "asking"


async def test_what_is_agreed_to_late_does_not_act(client: Client, house: House) -> None:
    await asking(house, guard={"approval": "1m"})
    house.now = at(60)
    assert await say(client, "ada-pc", "approve") == (409, "late")
    await house.engine.once(house.now)
    assert (await look(client))["reason"] == "not_approved"
    assert await say(client, "ada-pc", "approve") == (409, "late")
    assert await say(client, "ada-pc", "approve", run=7) == (404, "unknown_run")


async def test_a_person_who_refuses_ends_it(client: Client, house: House) -> None:
    await asking(house)
    assert await say(client, "bob-pc", "refuse") == (200, "")
    run = await look(client)
    assert (run["state"], run["reason"], run["detail"]) == ("refused", "refused", "by Bob")
    assert await say(client, "ada-pc", "approve") == (409, "not_asked")
    assert await say(client, "eve-pc", "stop") == (409, "run_over")
    assert "by Bob" in (await house.told())[-1]


async def test_a_run_is_stopped_in_the_middle_of_a_step(client: Client, house: House) -> None:
    use(house, command("/usr/bin/sleep", "60"), mode="auto")
    await house.fire("web-1")
    await house.engine.once(house.now)
    async with asyncio.timeout(30):
        while not await house.store.runs.steps(1):  # noqa: ASYNC110 -- the store tells no event
            await asyncio.sleep(0.01)
    headers = {"Authorization": "Bearer eve-pc"}
    answer = await client.post(f"{URL}/1/stop", headers=headers, json={"comment": "wrong host"})
    assert answer.status == 200
    async with asyncio.timeout(5):
        await house.engine.idle()
    run = await look(client)
    assert (run["state"], run["reason"]) == ("cancelled", "stopped")
    assert run["detail"] == "by Eve: wrong host"
    assert [step["outcome"] for step in run["steps"]] == ["stopped"]
    assert "was stopped at web-1: by Eve: wrong host" in await house.told()


async def test_runs_are_listed_by_what_they_are(client: Client, house: House) -> None:
    use(house)
    await house.fire("web-1", "web-2", "db-1")
    await house.engine.once(house.now)
    every = await look(client, "")
    assert [run["id"] for run in every["runs"]] == [3, 2, 1]
    first = await look(client, "?limit=2")
    assert first["next"] == "2"
    rest = await look(client, "?limit=2&next=2")
    assert [run["target"] for run in rest["runs"]] == ["web-1"]
    refused = await look(client, "?state=refused&runbook=mend&incident=1")
    assert [run["reason"] for run in refused["runs"]] == ["target_not_allowed"]
    for wrong in ("?state=x", "?incident=x", "?limit=0"):
        assert await change(client, "read", "GET", wrong) == 400


async def test_a_breaker_is_shown_and_only_an_admin_closes_it(client: Client, house: House) -> None:
    use(house, guard={"blast": {"most": 1}}, mode="auto")
    await house.fire("web-1", "web-2")
    await house.engine.once(house.now)
    await house.engine.idle()
    (book,) = (await look(client, "/runbooks"))["runbooks"]
    assert book["breaker"]["reason"] == "2 targets within 3600 s, of at most 1"
    breaker = "/runbooks/mend/breaker"
    assert await change(client, "eve-pc", "DELETE", breaker) == 403
    assert await change(client, "root", "DELETE", breaker) == 204
    assert await change(client, "root", "DELETE", breaker) == 409
    (book,) = (await look(client, "/runbooks"))["runbooks"]
    assert book["breaker"] is None
    assert Change("root", "reset", "runbook mend") in await audited(house.store)


async def test_whoever_operates_throws_the_switch_and_an_admin_releases_it(
    client: Client, house: House
) -> None:
    assert await change(client, "read", "PUT", "/switch", json={"reason": "moving"}) == 403
    assert await change(client, "eve-pc", "PUT", "/switch", json={}) == 400
    assert await change(client, "eve-pc", "PUT", "/switch", json={"reason": "moving"}) == 200
    thrown = await look(client, "/switch")
    assert (thrown["thrown"], thrown["by"]["who"]) == (True, "eve-pc")
    use(house, mode="auto")
    await house.fire("web-1")
    await house.engine.once(house.now)
    assert (await look(client))["reason"] == "kill_switch"
    assert await change(client, "eve-pc", "DELETE", "/switch") == 403
    assert await change(client, "root", "DELETE", "/switch") == 204
    assert await change(client, "root", "DELETE", "/switch") == 409
    assert (await look(client, "/switch"))["thrown"] is False
    said = [(one.who, one.action, one.detail) for one in await audited(house.store)]
    assert ("eve-pc", "stop", "moving") in said
    assert ("root", "release", "") in said


async def test_a_runbook_acts_by_itself_once_enough_runs_that_people_wanted_helped(
    client: Client, house: House
) -> None:
    changes: dict[str, Any] = {
        "mode": "auto",
        "guard": {"promotion": 1, "cooldown": "0s", "blast": {"most": 9}},
        "verify": {"within": "5s"},
    }
    await asking(house, **changes)
    assert (await look(client))["reason"] == "not_promoted"
    (book,) = (await look(client, "/runbooks"))["runbooks"]
    assert (book["mode"], book["effective_mode"], book["verified"]) == ("auto", "approve", 0)
    assert await say(client, "ada-pc", "approve") == (200, "")
    await house.engine.once(house.now)
    await house.fire("web-1", status="resolved")
    await house.engine.idle()
    assert (await look(client))["state"] == "verified"
    (book,) = (await look(client, "/runbooks"))["runbooks"]
    assert (book["effective_mode"], book["verified"]) == ("auto", 1)
    await house.fire("web-2", group="other")
    await house.engine.once(house.now)
    assert (await look(client, "/2"))["state"] != "asking"


async def test_what_an_incident_would_set_off_is_said_without_doing_it(
    client: Client, house: House
) -> None:
    use(house, command("/usr/bin/true", "${target}"), mode="auto", guard={"cooldown": "1h"})
    await house.fire("web-1", "db-1")
    web, db = (await look(client, "/plan?incident=1"))["planned"]
    assert web["steps"] == [{"action": "command", "says": "/usr/bin/true web-1"}]
    assert (web["ruling"]["state"], db["ruling"]["reason"]) == ("acting", "target_not_allowed")
    assert all(guard["against"] is None for guard in web["guards"])
    assert (await look(client, ""))["runs"] == []
    assert await change(client, "read", "GET", "/plan?incident=9") == 404
    assert await change(client, "read", "GET", "/plan") == 400


async def test_what_a_run_did_is_in_the_exported_audit_with_the_hash_of_its_output(
    client: Client, house: House
) -> None:
    use(house, command("/usr/bin/echo", "done"), mode="auto")
    await house.fire("web-1")
    await house.engine.once(house.now)
    await house.engine.idle()
    headers = {"Authorization": "Bearer root"}
    answer = await client.get("/api/v1/audit?format=jsonl", headers=headers)
    assert answer.content_type == "application/jsonl"
    rows = [json.loads(line) for line in (await answer.text()).splitlines()]
    (did,) = [row for row in rows if row["action"] == "act"]
    assert did["subject"] == "run 1"
    output = hashlib.sha256(b"done\n").hexdigest()
    assert did["detail"] == (
        f"step 1: /usr/bin/echo done: done after 0.000 s: exit 0; output sha256 {output}"
    )
    assert [row["before"] for row in rows[1:]] == [row["hash"] for row in rows[:-1]]
    assert (await house.store.auditing.verify()).rows == len(rows)


async def form(client: Client, who: str, path: str, **said: str) -> tuple[int, str]:
    """Send a page's form as a browser does that signed in."""
    headers = {"Authorization": f"Bearer {who}"}
    page = await (await client.get(path, headers=headers)).text()
    seals = re.findall('name="seal" value="([^"]+)"', page)
    answer = await client.post(path, headers=headers, data={"seal": [*seals, ""][0], **said})
    return answer.status, unescape(await answer.text())


async def page_of(client: Client, path: str, who: str = "read") -> str:
    answer = await client.get(path, headers={"Authorization": f"Bearer {who}"})
    return unescape(await answer.text())


async def test_a_run_s_page_shows_its_steps_and_only_the_buttons_that_the_visitor_may_press(
    client: Client, house: House
) -> None:
    await asking(house, command("/usr/bin/echo", "<b>", "${target}"))
    offered = {
        who: re.findall(r'name="verb" value="(\w+)"', await page_of(client, "/responses/1", who))
        for who in ("read", "eve-pc", "ada-pc")
    }
    assert offered == {
        "read": [],
        "eve-pc": ["stop"],
        "ada-pc": ["approve", "refuse", "stop"],
    }
    assert "/usr/bin/echo '<b>' web-1" in await page_of(client, "/responses/1")
    assert await form(client, "eve-pc", "/responses/1", verb="approve", seal="x") == (403, ANY)
    status, page = await form(client, "ada-pc", "/responses/1", verb="approve", comment="go")
    assert (status, "Done." in page, "1 / 1: Ada" in page) == (200, True, True)
    await house.engine.once(house.now)
    await house.engine.idle()
    raw = await client.get("/responses/1", headers={"Authorization": "Bearer read"})
    assert "<pre>&lt;b&gt; web-1" in await raw.text()
    assert "no such response" in await page_of(client, "/responses/9")


async def test_the_list_shows_what_stops_responses_and_lets_people_change_it(
    client: Client, house: House
) -> None:
    use(house, guard={"blast": {"most": 1}}, mode="auto")
    await house.fire("web-1", "web-2")
    await house.engine.once(house.now)
    await house.engine.idle()
    page = await page_of(client, "/responses")
    assert all(words in page for words in ("Breaker open: mend", 'href="responses/2"', "web-2"))
    assert (await form(client, "eve-pc", "/responses", verb="reset", runbook="mend"))[0] == 403
    status, page = await form(client, "root", "/responses", verb="reset", runbook="mend")
    assert (status, "Breaker open" in page) == (200, False)
    _, page = await form(client, "eve-pc", "/responses", verb="throw", reason="moving")
    assert "All responses are stopped" in page
    _, page = await form(client, "root", "/responses", verb="release")
    assert "All responses are stopped" not in page


async def test_an_incident_s_timeline_has_its_responses(client: Client, house: House) -> None:
    await asking(house)
    page = await page_of(client, "/incidents/1")
    assert '<a href="../responses/1"><b>mend</b></a> web-1: asks for approval' in page
    headers = {"Authorization": "Bearer read"}
    told = await (await client.get("/api/v1/incidents/1", headers=headers)).json()
    (event,) = [each for each in told["timeline"] if each["kind"] == "response"]
    assert (event["who"], event["state"], event["number"]) == ("mend", "asking", 1)


async def test_who_reaches_an_incident_reaches_the_runs_of_what_is_one_with_it_and_no_others(
    house: House, site: Site
) -> None:
    use(house)
    await house.fire("web-1", group="head")
    await house.fire("web-2", group="member")
    await house.engine.once(house.now)
    ada, desk = Actor("Ada", PEOPLE["ada"]), site.desk
    assert desk
    assert [ask.run for ask in await asks(site, 1)] == [1]
    assert (await reply(site, desk, ada, 1, "approve-2")).reason == "unknown_run"
    joined = "UPDATE incidents SET head = 1 WHERE id = 2"
    await house.store._writer.run(lambda connection: connection.exec_driver_sql(joined) and None)
    assert [ask.run for ask in await asks(site, 1)] == [1, 2]
    assert (await reply(site, desk, ada, 1, "approve-2")).outcome == "done"


async def test_the_pages_speak_chinese(client: Client, house: House, site: Site) -> None:
    site.pages = Pages(Language.ZH, "Asia/Shanghai")
    await asking(house)
    assert "请求批准" in await page_of(client, "/responses")
    page = await page_of(client, "/responses/1", "ada-pc")
    assert all(words in page for words in ("批准", "拒绝", "停止", "执行过程"))


async def test_a_receiver_that_responds_to_nothing_says_so(
    client: Client, house: House, site: Site
) -> None:
    site.engine = None
    assert await change(client, "read", "GET", "/runbooks") == 503
    assert await change(client, "ada-pc", "POST", "/1/approve") == 503
    assert house.runbooks == {}
