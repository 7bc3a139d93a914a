"""What people say of alerts is kept, counted, exported, and shown."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientSession

from receiver.incidents.acting import Acting
from receiver.incidents.probing import Probe
from receiver.store.records import Decision
from receiver.store.store import Store
from receiver.upstream.prometheus import Prometheus
from receiver.web.keys import Desk, Site
from tests.fakes.prometheus import FakePrometheus
from tests.receiver.clients import Client
from tests.receiver.webhooks import alert, webhook

PLACE = {"instance": "web-1"}


@pytest.fixture
async def client(client: Client, site: Site, store: Store) -> AsyncIterator[Client]:
    """Let people judge: six incidents of a day that nobody took, each over after two minutes."""
    now = store.now()
    for n in range(6):
        for status, after in (("firing", 0), ("resolved", 2)):
            item = alert("web-1", status, minute=60 * n)
            told = replace(
                webhook([item], groupLabels={"alertname": "Sl<w"}, commonLabels=PLACE),
                received_at=now - timedelta(hours=20 - n) + timedelta(minutes=after),
            )
            await store.accept(told, lambda _: Decision(("ops",)))
    async with ClientSession() as http:
        acting = Acting(store, http, site.metrics, site.intake.accept, None)
        site.desk = Desk(acting, {}, site.signer, http)
        yield client


async def judge(client: Client, incident: int, verdict: str) -> int:
    url = f"/api/v1/incidents/{incident}/verdict"
    return (await client.post(url, json={"verdict": verdict})).status


async def test_verdicts_make_precision_and_the_last_word_counts(client: Client) -> None:
    for incident, verdict in ((1, "noise"), (2, "useful"), (1, "late"), (3, "noise")):
        assert await judge(client, incident, verdict) == 200
    missed = {"rule": "DiskFull", "at": "2026-11-28T03:00:00Z", "note": "it was full"}
    assert (await client.post("/api/v1/missed", json=missed)).status == 201
    rules = (await (await client.get("/api/v1/quality")).json())["rules"]
    told = {rule["rule"]: rule for rule in rules}
    slow = told["Sl<w"]
    assert (slow["incidents"], slow["useful"], slow["noise"], slow["late"]) == (6, 1, 1, 1)
    assert slow["precision_ratio"] == pytest.approx(2 / 3)
    assert (slow["median_seconds"], slow["brief"]) == (120.0, 4)
    page = await (await client.get("/metrics")).text()
    assert 'tocsin_alert_verdicts{rule="Sl<w",verdict="noise"} 1.0' in page
    assert 'tocsin_alert_verdicts{rule="DiskFull",verdict="missed"} 1.0' in page


async def test_the_page_proposes_what_would_have_spared_people_much(client: Client) -> None:
    page = await (await client.get("/quality")).text()
    assert "Sl&lt;w" in page
    assert (
        "<code>for</code> + 2m: would have spared 6 of the 6 times that an incident opened" in page
    )


async def test_another_limit_and_a_merge_are_proposed_by_page_and_api(
    client: Client, site: Site, store: Store
) -> None:
    wide: dict[str, Any] = {
        "groupLabels": {"alertname": "Wide"},
        "commonLabels": PLACE,
        "groupKey": "wide",
    }
    for n in range(6):  # another rule of the same host, a minute later
        begin = store.now() - timedelta(hours=20 - n, minutes=-1)
        for status, after in (("firing", 0), ("resolved", 9)):
            told = webhook([alert("web-1", status, minute=60 * n)], **wide)
            told = replace(told, received_at=begin + timedelta(minutes=after))
            await store.accept(told, lambda _: Decision(("ops",)))
    for incident in range(1, 7):
        assert await judge(client, incident, "noise") == 200
    async with FakePrometheus() as fake:
        fake.alerts("Sl<w", "load > 90")
        fake.series["load"] = lambda _: [({}, 91.26)]
        assert site.desk is not None
        site.grading.probe = Probe(site.desk.http, Prometheus(url=fake.base))
        rules = (await (await client.get("/api/v1/quality")).json())["rules"]
        page = await (await client.get("/quality")).text()
    proposals = {each["rule"]: each["proposals"] for each in rules}
    limit = {"setting": "threshold", "threshold": 91.3, "was": 90.0, "spared": 6, "openings": 6}
    assert limit in proposals["Sl<w"]
    merge = {"setting": "merge", "with": "Sl<w", "spared": 6, "openings": 6}
    assert merge in proposals["Wide"]
    assert "another limit: <code>90</code> → <code>91.3</code>: would have spared 6 of" in page
    assert "in one incident, by Alertmanager&#39;s group_by, with <code>Sl&lt;w</code>" in page


async def test_what_there_is_not_cannot_be_judged(client: Client) -> None:
    assert await judge(client, 99, "noise") == 404
    assert await judge(client, 1, "fine") == 400
    assert (await client.post("/api/v1/missed", json={"rule": ""})).status == 400
    assert (await client.post("/api/v1/missed", json={"rule": "x", "at": "soon"})).status == 400
    assert (await client.get("/api/v1/quality?last=91d")).status == 400


async def test_who_looks_at_what_is_over_is_asked_what_they_thought_of_it(client: Client) -> None:
    page = await (await client.get("/incidents/1")).text()
    assert all(f'value="{verb}"' in page for verb in ("useful", "noise", "late"))
    assert 'value="acknowledge"' not in page
