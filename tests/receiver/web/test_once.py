"""A change with a key is made once, and whoever asks again is told the same."""

import asyncio
from typing import Any

import pytest
from aiohttp import ClientResponse

from receiver.store.handling import Handling
from receiver.store.schema import StoreUnavailableError
from receiver.store.store import Store
from receiver.web.auth import Token
from receiver.web.openapi import document
from tests.receiver import refusals
from tests.receiver.clients import Client
from tests.receiver.store.test_retention import owed
from tests.receiver.webhooks import webhook

URL = "/api/v1/incidents/1/comment"
KEY = "Idempotency-Key"


async def say(
    client: Client, text: str, key: str = '"one"', path: str = URL, **headers: str
) -> ClientResponse:
    return await client.post(path, json={"text": text}, headers={KEY: key, **headers})


async def comments(store: Store) -> list[str]:
    return [each.what for each in await store.incidents.timeline(1) if each.kind == "comment"]


@pytest.fixture(autouse=True)
async def incident(store: Store) -> None:
    await store.accept(webhook(), owed)
    await store.accept(webhook(groupKey="other"), owed)


async def test_the_same_request_acts_once_and_is_answered_alike(
    client: Client, store: Store
) -> None:
    first, again = await say(client, "hm"), await say(client, "hm", "one")
    assert (first.status, await first.json()) == (again.status, await again.json()) == (201, {})
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.content_type == first.content_type == "application/json"
    assert await comments(store) == ["hm"]
    assert (await say(client, "hm", '"two"')).status == 201
    assert await comments(store) == ["hm", "hm"]


async def test_another_request_with_the_key_is_refused(client: Client, store: Store) -> None:
    await say(client, "hm")
    for text, path in (("ha", URL), ("hm", "/api/v1/incidents/2/comment"), ("hm", f"{URL}?x=1")):
        answer = await say(client, text, path=path)
        assert answer.status == 422
        assert await refusals.places(answer) == [KEY]
    assert await comments(store) == ["hm"]


async def test_a_refusal_is_kept_too_and_a_deletion_is_told_again(client: Client) -> None:
    window = {"name": "move", "matchers": ['a="b"'], "start": "2026-12-01 22:00", "duration": "8h"}
    url = "/api/v1/maintenance"
    assert (await client.post(url, json=window, headers={KEY: "plan"})).status == 201
    for again in range(2):
        answer = await client.post(url, json=window, headers={KEY: "taken"})
        assert (answer.status, await refusals.places(answer)) == (409, ["#/name"])
        assert ("Idempotency-Replayed" in answer.headers) is bool(again)
    for _ in range(2):
        assert (await client.delete(f"{url}/move", headers={KEY: "away"})).status == 204
    assert (await client.delete(f"{url}/move", headers={KEY: "again"})).status == 404


async def test_what_is_under_way_is_not_begun_again(
    client: Client, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, begun = asyncio.Event(), asyncio.Event()
    comment = Handling.comment

    async def wait(*args: Any) -> Any:
        begun.set()
        await go_on.wait()
        return await comment(*args)

    monkeypatch.setattr(Handling, "comment", wait)
    first = asyncio.ensure_future(say(client, "hm"))
    await begun.wait()
    assert (await say(client, "hm")).status == 409
    go_on.set()
    assert (await first).status == 201
    assert (await say(client, "hm")).status == 201
    assert await comments(store) == ["hm"]


async def test_what_failed_for_now_can_be_tried_again(
    client: Client, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise StoreUnavailableError

    with monkeypatch.context() as patch:
        patch.setattr(Handling, "comment", fail)
        assert (await say(client, "hm")).status == 503
    again = await say(client, "hm")
    assert (again.status, "Idempotency-Replayed" in again.headers) == (201, False)
    assert await comments(store) == ["hm"]


async def test_each_token_has_keys_of_its_own_and_must_be_shown(
    client: Client, store: Store, guarded: list[Token]
) -> None:
    assert guarded
    for name, status in (("operate", 201), ("admin", 201), ("read", 403)):
        answer = await say(client, "hm", Authorization=f"Bearer {name}")
        assert (answer.status, "Idempotency-Replayed" in answer.headers) == (status, False)
    assert (await say(client, "hm")).status == 401
    assert await comments(store) == ["hm", "hm"]


@pytest.mark.parametrize("key", ["", '""', "é", "a b", '"a', "x" * 201])
async def test_a_key_that_is_none_is_refused(client: Client, store: Store, key: str) -> None:
    answer = await say(client, "hm", key)
    assert answer.status == 400
    assert await refusals.places(answer) == [KEY]
    assert await comments(store) == []


async def test_a_key_does_not_make_a_form_into_json(client: Client) -> None:
    answer = await client.post(URL, data='{"text": "hm"}', headers={KEY: "one"})
    assert answer.status == 415


async def test_a_large_body_has_no_key(client: Client) -> None:
    assert (await say(client, "x" * 70_000)).status == 413


def test_the_description_has_the_key_where_something_changes() -> None:
    keyed = {
        (method, path)
        for path, operations in document()["paths"].items()
        for method, said in operations.items()
        if KEY in [each["name"] for each in said["parameters"]]
    }
    assert ("post", "/api/v1/silences") in keyed
    assert ("delete", "/api/v1/silences/{id}") in keyed
    assert not {path for method, path in keyed if method == "get" or path == "/api/v1/preview"}
