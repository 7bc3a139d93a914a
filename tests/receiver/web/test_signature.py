"""Grafana may sign its webhooks; what is signed wrongly, late or twice is refused."""

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest
from pydantic import SecretStr

from receiver.store.store import Store
from receiver.web import signature
from receiver.web.keys import Site
from receiver.web.signature import Grafana, Signatures
from tests.receiver import refusals
from tests.receiver.clients import Client
from tests.receiver.webhooks import alert, grafana

PATH = "/webhook/grafana"
SAID = orjson.dumps(grafana())
HEADER, STAMP = "X-Grafana-Alerting-Signature", "X-Grafana-Alerting-Timestamp"


@pytest.fixture
def site(site: Site) -> Site:
    settings = Grafana.model_construct(secret=SecretStr("shared"))
    return replace(site, signatures=Signatures(settings))


def signed(body: bytes = SAID, *, ago: float = 0, secret: str = "shared") -> dict[str, str]:
    stamp = str(int(time.time() - ago))
    digest = hmac.new(secret.encode(), f"{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"Content-Type": "application/json", HEADER: digest, STAMP: stamp}


def without_its_time(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != STAMP}


@pytest.mark.usefixtures("guarded")
async def test_what_grafana_signs_needs_no_token(client: Client, store: Store) -> None:
    answer = await client.post(PATH, data=SAID, headers=signed())
    assert (answer.status, await answer.json()) == (200, {"outcome": "accepted"})
    assert [queue.owed for queue in await store.queues()] == [1, 1]


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize(
    ("headers", "error"),
    [
        (lambda: signed(secret="other"), "the signature is not made with our secret"),
        (lambda: signed(SAID + b" "), "the signature is not made with our secret"),
        (lambda: signed() | {HEADER: "é"}, "the signature is not made with our secret"),
        (lambda: signed() | {HEADER: "\udce9" * 64}, "the signature is not made with our secret"),
        (
            lambda: without_its_time(signed()),
            f"no time in {STAMP}; name that header in Grafana too",
        ),
        (
            lambda: signed() | {STAMP: "9" * 5000},
            f"signed at {'9' * 20}, which is not now; compare the clocks",
        ),
    ],
)
async def test_what_is_signed_wrongly_is_401_and_not_kept(
    client: Client, store: Store, headers: Callable[[], dict[str, str]], error: str
) -> None:
    """The headers are made now: what was signed when pytest collected may be too old."""
    answer = await client.post(PATH, data=SAID, headers=headers())
    assert (answer.status, (await refusals.read(answer))["detail"]) == (401, error)
    assert await store.queues() == []


@pytest.mark.parametrize("ago", [signature.WINDOW + 60, -signature.WINDOW - 60])
async def test_what_was_signed_at_another_time_is_401(client: Client, ago: float) -> None:
    answer = await client.post(PATH, data=SAID, headers=signed(ago=ago))
    assert answer.status == 401
    assert "compare the clocks" in (await answer.json())["detail"]


async def test_a_signature_is_good_once_it_led_to_something_and_no_second_time(
    client: Client,
) -> None:
    broken = orjson.dumps(grafana() | {"alerts": []})
    headers = signed(broken)
    assert (await client.post(PATH, data=broken, headers=headers)).status == 400
    assert (await client.post(PATH, data=broken, headers=headers)).status == 400
    headers = signed()
    assert (await client.post(PATH, data=SAID, headers=headers)).status == 200
    answer = await client.post(PATH, data=SAID, headers=headers)
    assert answer.status == 401
    assert (await refusals.read(answer))["detail"] == "the signature was used before"


def test_only_so_many_signatures_and_so_old_ones_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signature, "_MOST", 3)
    judge = Signatures(Grafana.model_construct(secret=SecretStr("shared")))
    for number in range(5):
        judge.use({HEADER: f"{number}"}, now=number)
    assert list(judge._used) == ["2", "3", "4"]
    judge.use({HEADER: "late"}, now=3 + 2 * signature.WINDOW)
    assert list(judge._used) == ["3", "4", "late"]


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize(
    ("headers", "status"), [({"Authorization": "Bearer ingest"}, 200), ({}, 401)]
)
async def test_what_is_not_signed_needs_a_token(
    client: Client, headers: dict[str, str], status: int
) -> None:
    said = orjson.dumps(grafana([alert("bb")]))
    headers = {"Content-Type": "application/json", **headers}
    assert (await client.post(PATH, data=said, headers=headers)).status == status
