"""Every refusal of the API is a problem that names the place, also what no handler of ours said."""

import io
from typing import Any

import pytest

from receiver.intake.webhook import ParseError
from receiver.store.schema import StoreUnavailableError
from receiver.store.store import Store
from receiver.web.problems import in_body
from receiver.web.webhook import MAX_BODY
from tests.receiver import refusals
from tests.receiver.clients import Client


@pytest.mark.parametrize(
    ("path", "body", "places"),
    [
        (
            "/api/v1/silences",
            {"matchers": ['a="b"', "c"], "for": "soon"},
            ["#/matchers/1", "#/for", "#/comment"],
        ),
        ("/api/v1/incidents/1/comment", {"text": "hm", "a/b~": 1}, ["#/a~1b~0"]),
        ("/api/v1/incidents/1/acknowledge", {"for": "31d"}, ["#/for"]),
        ("/api/v1/maintenance", [], ["#"]),
        ("/api/v1/missed", {"rule": "DiskFull", "at": "soon"}, ["#/at"]),
    ],
)
async def test_each_place_in_a_body_is_named(
    client: Client, path: str, body: Any, places: list[str]
) -> None:
    answer = await client.post(path, json=body)
    assert answer.status == 400
    assert await refusals.places(answer) == places


@pytest.mark.parametrize(
    "address",
    [
        "/api/v1/incidents?state=odd&limit=1",
        "/api/v1/incidents?state=open&q=a+b+c+d+e+f+g+h+i+j+k",
        "/api/v1/audit?before=x",
        "/api/v1/preview?incident=x",
    ],
)
async def test_a_parameter_is_named(client: Client, address: str) -> None:
    answer = await client.get(address)
    assert answer.status == 400
    (name,) = await refusals.places(answer)
    assert name in {"state", "q", "before", "incident"}
    assert name in address


async def test_what_the_server_itself_refuses_is_said_alike(client: Client) -> None:
    nowhere = await client.get("/api/v1/nowhere")
    assert nowhere.status == 404
    assert "openapi.json" in (await refusals.read(nowhere))["detail"]
    other = await client.patch("/api/v1/silences")
    assert (other.status, other.headers["Allow"]) == (405, "GET,HEAD,POST")
    await refusals.read(other)
    json = {"Content-Type": "application/json"}
    large = await client.post(
        "/api/v1/missed", data=io.BytesIO(b" " * (MAX_BODY + 1)), headers=json
    )
    assert large.status == 413
    assert str(MAX_BODY) in (await refusals.read(large))["detail"]
    page = await client.get("/nowhere")
    assert (page.status, page.content_type) == (404, "text/plain")


async def test_a_store_that_is_away_is_said_alike_of_every_address(
    client: Client, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise StoreUnavailableError("at db.example.com", "it is full")

    for part, name in ((store.incidents, "find"), (store, "changes"), (store, "notices")):
        monkeypatch.setattr(type(part), name, fail)
    for path in ("incidents", "alerts", "notifications", "audit"):
        answer = await client.get(f"/api/v1/{path}")
        assert answer.status == 503
        detail = (await refusals.read(answer))["detail"]
        assert detail == "the store is unavailable, try again: it is full"


def test_a_place_is_told_from_one_whose_name_looks_like_it() -> None:
    error = ParseError("a string is expected", "a.b[0]/c").below("labels").below(2).below("alerts")
    assert str(error) == "alerts[2].labels.a.b[0]/c: a string is expected"
    assert in_body(*error.steps).name == "#/alerts/2/labels/a.b[0]~1c"
