from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from receiver.model import ASSUMED
from receiver.store.records import Decision, Gate, Known, Line, Outcome
from receiver.store.store import Store
from tests.fakes.alerts import make_message
from tests.receiver import refusals
from tests.receiver.claiming import claim, settle
from tests.receiver.clients import Client
from tests.receiver.webhooks import START, alert, webhook

URL = "/api/v1/notifications"


def decided(decision: Decision, _: Known) -> Decision:
    return decision


async def ask(client: Client, **query: str) -> Any:
    answer = await client.get(URL, params=query)
    assert answer.status == 200, await answer.text()
    return await answer.json()


@pytest.fixture
async def filled(store: Store) -> None:
    """One message of each state: 1 is sent, 2 is dead, 3 is suppressed, 4 is owed."""
    for number, reason in enumerate(("", "", "duplicate", "")):
        told = webhook([alert(f"host-{number}")], groupKey=str(number))
        await store.accept(told, partial(decided, Decision(("ops",), reason)))
    for outcome in (
        Outcome("sent", message=make_message("the words")),
        Outcome("dead", "rejected", "HTTP 400"),
    ):
        delivery = await claim(store, "ops", START, START + timedelta(seconds=1))
        assert delivery is not None
        await settle(store, delivery, outcome, START)


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("state", "number", "reason"),
    [("sent", 1, ""), ("dead", 2, "rejected"), ("suppressed", 3, "duplicate"), ("owed", 4, "")],
)
async def test_messages_are_found_by_state_each_with_its_reason_and_alerts(
    client: Client, state: str, number: int, reason: str
) -> None:
    page = await ask(client, state=state)
    (found,) = page["notifications"]
    assert (found["id"], found["state"], found["reason"]) == (number, state, reason)
    (told,) = found["alerts"]
    assert told["labels"]["instance"] == f"host-{number - 1}"
    assert (found["channel"], found["severity"], found["alerts_total"]) == ("ops", "critical", 1)
    assert (found["not_before"] is not None) is (state == "owed")
    sent = make_message().title
    assert found["title"] == (sent if state == "sent" else "Down")
    assert found["detail"] == ("HTTP 400" if state == "dead" else "")
    assert page["next"] is None


async def test_what_waits_for_a_destination_that_rests_says_so_and_until_when(
    client: Client, store: Store
) -> None:
    now = store.now()
    rest = now + timedelta(minutes=5)
    for name in ("one", "another"):
        told = replace(webhook(groupKey=name), received_at=now)
        await store.accept(told, lambda _: Decision(("ops", "gone")))
    delivery = await claim(store, "ops", now, now + timedelta(minutes=1))
    assert delivery is not None
    (under_way,) = (n for n in (await ask(client))["notifications"] if n["id"] == delivery.id)
    assert (under_way["waits_for"], under_way["attempts"]) == ("answer", 1)
    failed = Outcome("later", "server", "HTTP 503", now + timedelta(minutes=1))
    closed = Gate(failures=3, open_until=rest)
    await store.settle(Line("ops"), [(delivery, failed)], now, lambda _: closed)
    for found in (await ask(client, channel="ops", state="owed"))["notifications"]:
        assert (found["waits_for"], found["not_before"]) == ("breaker", rest.isoformat())
        tried = found["id"] == delivery.id
        assert (found["detail"], found["attempts"]) == (("HTTP 503", 1) if tried else ("", 0))
    gone = (await ask(client, channel="gone"))["notifications"][0]
    assert (gone["waits_for"], gone["not_before"]) == ("channel", None)


async def test_a_resolve_that_nobody_told_is_called_assumed(client: Client, store: Store) -> None:
    over = webhook([alert(status="resolved")], notification_reason=ASSUMED)
    await store.accept(over, lambda _: Decision(("ops",)))
    (found,) = (await ask(client))["notifications"]
    assert found["reason"] == "assumed"


@pytest.mark.usefixtures("filled")
async def test_pages_follow_each_other_without_a_gap_or_a_repeat(client: Client) -> None:
    seen: list[int] = []
    query = {"limit": "3"}
    while True:
        page = await ask(client, **query)
        seen += [each["id"] for each in page["notifications"]]
        if page["next"] is None:
            break
        query["next"] = page["next"]
    assert seen == [4, 3, 2, 1]


async def test_a_channel_can_be_asked_for_and_a_webhook_that_told_nobody_has_none(
    client: Client, store: Store
) -> None:
    await store.accept(webhook(), lambda _: Decision((), "no_route"))
    await store.accept(webhook(groupKey="x"), lambda _: Decision(("ops", "inbox")))
    assert [n["channel"] for n in (await ask(client))["notifications"]] == ["inbox", "ops", None]
    assert [n["channel"] for n in (await ask(client, channel="ops"))["notifications"]] == ["ops"]


@pytest.mark.parametrize(
    "query", [{"state": "lost"}, {"limit": "0"}, {"limit": "201"}, {"limit": "x"}, {"next": "-1"}]
)
async def test_a_question_that_makes_no_sense_is_refused(
    client: Client, query: dict[str, str]
) -> None:
    answer = await client.get(URL, params=query)
    assert answer.status == 400
    assert next(iter(query)) in (await answer.json())["detail"]


async def test_a_limit_below_zero_is_called_so(client: Client) -> None:
    answer = await client.get(URL, params={"limit": "-1"})
    said = await refusals.read(answer)
    assert said["detail"] == "limit: not a number above 0: '-1'"
    assert await refusals.places(answer) == ["limit"]


@pytest.mark.usefixtures("guarded")
async def test_the_only_scope_that_will_do_is_named_once(client: Client) -> None:
    answer = await client.get("/api/v1/audit", headers={"Authorization": "Bearer read"})
    said = "a token of another scope; this needs one of scope admin"
    assert (answer.status, (await answer.json())["detail"]) == (403, said)


@pytest.mark.usefixtures("guarded")
async def test_a_token_of_scope_read_is_needed(client: Client) -> None:
    assert (await client.get(URL)).status == 401
    for scope, status in (("ingest", 403), ("read", 200)):
        answer = await client.get(URL, headers={"Authorization": f"Bearer {scope}"})
        assert answer.status == status
