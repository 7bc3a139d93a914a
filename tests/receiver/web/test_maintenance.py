from typing import Any

import pytest

from receiver.web.auth import Token
from receiver.web.keys import Site
from tests.receiver.clients import Client
from tests.receiver.webhooks import alert, body

URL = "/api/v1/maintenance"
JSON = {"Content-Type": "application/json"}
MOVE: dict[str, Any] = {
    "name": "move of rack 7",
    "matchers": ['rack="7"'],
    "start": "2020-01-01 22:00",
    "duration": "8h",
    "rrule": "FREQ=WEEKLY;BYDAY=MO",
}
NOW = {"start": "2020-01-01T00:00:00Z", "duration": "365d", "rrule": "FREQ=YEARLY;COUNT=50"}


async def plan(client: Client, **changes: Any) -> tuple[int, dict[str, Any]]:
    answer = await client.post(URL, json={**MOVE, **changes})
    return answer.status, await answer.json()


async def names(client: Client) -> list[str]:
    return [each["name"] for each in (await (await client.get(URL)).json())["maintenance"]]


async def test_a_window_is_planned_listed_and_taken_away_and_all_of_it_is_audited(
    client: Client,
) -> None:
    status, made = await plan(client)
    assert status == 201
    assert (made["timezone"], made["rrule"]) == ("Asia/Shanghai", MOVE["rrule"])
    assert made["matchers"] == MOVE["matchers"]
    assert await names(client) == ["backup", MOVE["name"]]
    assert (await client.delete(f"{URL}/{MOVE['name']}")).status == 204
    assert await names(client) == ["backup"]
    assert (await client.delete(f"{URL}/{MOVE['name']}")).status == 404
    audit = (await (await client.get("/api/v1/audit")).json())["changes"]
    assert [(e["action"], e["subject"]) for e in reversed(audit)] == [
        ("plan", "maintenance move of rack 7"),
        ("cancel", "maintenance move of rack 7"),
    ]


async def test_a_planned_window_holds_at_once_and_after_a_restart(
    client: Client, site: Site
) -> None:
    assert (await plan(client, **NOW))[1]["open"] is True
    site.planning.plans = site.planning.planned = ()
    await site.planning.refresh(site.store.now())  # as at a start
    raw = body([alert("a", rack="7")])
    assert (await client.post("/webhook/alertmanager", data=raw, headers=JSON)).status == 200
    page = await client.get("/api/v1/notifications", params={"state": "suppressed"})
    (one, other) = (await page.json())["notifications"]
    assert {one["reason"], other["reason"]} == {"maintenance"}
    assert one["held_by"] == MOVE["name"]


async def test_what_stands_in_the_configuration_is_changed_there(client: Client) -> None:
    status, said = await plan(client, name="backup")
    assert (status, [each["pointer"] for each in said["errors"]]) == (409, ["#/name"])
    refused = await client.delete(f"{URL}/backup")
    assert refused.status == 409
    assert "in the configuration" in (await refused.json())["detail"]


async def test_a_name_is_taken_once(client: Client) -> None:
    assert (await plan(client))[0] == 201
    assert (await plan(client))[0] == 409


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rrule": "FREQ=SECONDLY"}, "rrule: not a rule of RFC 5545"),
        ({"matchers": []}, "matchers: is empty"),
        ({"colour": "red"}, "unknown key"),
        ({"name": ""}, "name: "),
        ({"name": "a/b"}, "name: "),
    ],
)
async def test_a_window_that_cannot_be_is_refused_with_its_place(
    client: Client, change: dict[str, Any], said: str
) -> None:
    status, answer = await plan(client, **change)
    assert status == 400
    assert said in answer["detail"]


async def test_reading_and_planning_need_tokens_of_their_scopes(
    client: Client, guarded: list[Token]
) -> None:
    assert guarded
    for name, found in (("read", 200), ("ingest", 403)):
        shown = {"Authorization": f"Bearer {name}"}
        assert (await client.get(URL, headers=shown)).status == found
        assert (await client.post(URL, json=MOVE, headers=shown)).status == 403
        assert (await client.delete(f"{URL}/x", headers=shown)).status == 403
    shown = {"Authorization": "Bearer operate"}
    assert (await client.post(URL, json=MOVE, headers=shown)).status == 201


async def test_windows_that_are_long_over_are_forgotten(client: Client, site: Site) -> None:
    await plan(client, start="2021-01-01", rrule="", name="old")
    await site.planning.refresh(site.store.now())
    assert await names(client) == ["backup"]
