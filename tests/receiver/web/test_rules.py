"""Rules are changed in one file, and a real Prometheus takes them up, or has those of before."""

import asyncio
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, web

from receiver import app
from receiver.config import decode
from receiver.model import Language
from receiver.store.store import Store
from receiver.upstream.ruling import ask_groups
from receiver.web.auth import Token
from receiver.web.keys import Site
from receiver.web.pages import Pages
from tests.fakes.web import Answer, FakeWeb
from tests.receiver import refusals
from tests.receiver.clients import Client
from tests.receiver.web.prometheus import OTHERS, manage
from tests.receiver.web.test_monitored import scraped

URL = "/api/v1/rules"
RULE = {"expr": "vector(1) > 0", "labels": {"severity": "info"}, "annotations": {"summary": "on"}}


async def put(client: Client, path: str, said: Any, **headers: str) -> ClientResponse:
    return await client.put(f"{URL}/{path}", json=said, headers=headers)


async def evaluated(site: Site, http: ClientSession) -> dict[str, list[str]]:
    assert site.prometheus is not None
    groups = await ask_groups(http, site.prometheus)
    return {each.name: [rule.name for rule in each.rules] for each in groups}


def text(path: Path, new: str = "") -> str | None:
    if new:
        path.write_text(new)
    return path.read_text() if path.exists() else None


def changes(site: Site) -> dict[str, float]:
    outcomes = ("done", "refused", "rolled_back", "stuck")
    counted = {each: site.metrics.rule_changes.labels(each)._value.get() for each in outcomes}
    return {name: count for name, count in counted.items() if count}


@pytest.mark.usefixtures("up")
async def test_a_rule_that_is_made_fires_is_changed_and_goes(
    client: Client, site: Site, http: ClientSession, store: Store
) -> None:
    made = await put(client, "ours/On", RULE | {"for": "0s"})
    assert made.status == 201, await made.text()
    tag = made.headers["ETag"]
    assert await made.json() == RULE | {"for": "0s", "alert": "On", "etag": tag}
    rule = await firing(client, "ours")
    assert (rule["etag"], rule["firing"], rule["query"]) == (tag, 1, "vector(1) > 0")
    changed = await put(client, "ours/On", RULE | {"expr": "vector(1) > 2"}, **{"If-Match": tag})
    assert changed.status == 200
    assert (await listed(client, "ours"))["query"] == "vector(1) > 2"
    gone = await client.delete(f"{URL}/ours/On", headers={"If-Match": changed.headers["ETag"]})
    assert gone.status == 204
    assert await evaluated(site, http) == {"others": ["one"]}
    assert [each.change.action for each in await store.changes()] == ["unrule", "rule", "rule"]
    assert changes(site) == {"done": 3}


async def firing(client: Client, group: str) -> dict[str, Any]:
    until = time.monotonic() + 30
    while (rule := await listed(client, group))["state"] != "firing":
        assert time.monotonic() < until
        await asyncio.sleep(0.05)
    return rule


async def listed(client: Client, group: str) -> dict[str, Any]:
    groups = (await (await client.get(URL)).json())["groups"]
    (found,) = (each for each in groups if each["name"] == group)
    assert [each["managed"] for each in groups] == [each["name"] == group for each in groups]
    rule: dict[str, Any] = found["rules"][0]
    return rule


async def test_a_broken_expression_is_refused_at_its_place_and_nothing_is_written(
    up: Path, client: Client, site: Site
) -> None:
    answer = await put(client, "ours/On", RULE | {"expr": "sum(up by (job)"})
    assert answer.status == 422
    assert "parse error" in (await refusals.read(answer))["detail"]
    assert await refusals.places(answer) == ["#/expr"]
    rules = [RULE | {"alert": "On"}, RULE | {"alert": "Off", "expr": "up =="}]
    answer = await put(client, "ours", {"rules": rules})
    assert await refusals.places(answer) == ["#/rules/1/expr"]
    assert text(up) is None
    assert changes(site) == {"refused": 2}


async def test_what_prometheus_cannot_load_is_rolled_back(
    up: Path, client: Client, site: Site, http: ClientSession, store: Store
) -> None:
    """A template is looked at by promtool and by the reload alone."""
    good = await put(client, "ours/On", RULE)
    assert good.status == 201
    before = text(up)
    broken = RULE | {"annotations": {"summary": "{{ $labels.instance | nonsense }}"}}
    answer = await put(client, "ours/Broken", broken)
    assert answer.status == 422
    assert "nonsense" in (await refusals.read(answer))["detail"]  # promtool's words
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutil, "which", lambda _: None)
        answer = await put(client, "ours/Broken", broken)
    assert answer.status == 422, await answer.text()
    detail = (await refusals.read(answer))["detail"]
    assert "failed to reload config" in detail
    assert "the rules of before are in force" in detail
    assert (text(up), [*up.parent.glob(".*")]) == (before, [])
    assert (await evaluated(site, http))["ours"] == ["On"]
    assert changes(site) == {"done": 1, "refused": 1, "rolled_back": 1}
    async with http.get(f"{site.prometheus and site.prometheus.url}/metrics") as page:
        assert "prometheus_config_last_reload_successful 1" in await page.text()
    note = (await store.changes())[0].change
    assert (note.subject, note.detail[:12]) == ("rules ours/Broken", "rolled_back:")


async def test_a_file_that_prometheus_does_not_read_is_taken_away_again(
    up: Path, client: Client, site: Site, http: ClientSession
) -> None:
    assert site.prometheus is not None
    other = up.parent / "unread.yml"
    manage(site, http, site.prometheus.url, other)
    answer = await put(client, "ours/On", RULE)
    assert answer.status == 409
    assert "rule_files" in (await refusals.read(answer))["detail"]
    assert text(other) is None
    assert changes(site) == {"rolled_back": 1}


@pytest.mark.usefixtures("up")
async def test_two_writers_do_not_lose_each_others_changes(
    client: Client, site: Site, http: ClientSession
) -> None:
    made = [put(client, f"ours/On{n}", RULE) for n in range(4)]
    answers = await asyncio.gather(*made)
    assert [each.status for each in answers] == [201] * 4
    assert sorted((await evaluated(site, http))["ours"]) == ["On0", "On1", "On2", "On3"]
    tag = answers[0].headers["ETag"]
    both = [put(client, "ours/On0", RULE | {"for": f"{n}m"}, **{"If-Match": tag}) for n in (1, 2)]
    assert sorted([each.status for each in await asyncio.gather(*both)]) == [200, 412]
    assert (await put(client, "ours/On1", RULE | {"for": "1m"})).status == 428
    assert (await put(client, "ours/On1", RULE, **{"If-None-Match": "*"})).status == 412
    assert (await put(client, "ours/Off", RULE, **{"If-Match": tag})).status == 412
    assert (await client.delete(f"{URL}/ours")).status == 428
    assert (await client.delete(f"{URL}/ours", headers={"If-Match": "*"})).status == 204
    assert (await client.delete(f"{URL}/ours", headers={"If-Match": "*"})).status == 412
    assert (await client.delete(f"{URL}/ours")).status == 404


@pytest.mark.usefixtures("up")
@pytest.mark.parametrize(
    ("language", "words"),
    [
        (Language.EN, ("changed by the API", "firing 1", "1 of 2 targets", "quiet")),
        (Language.ZH, ("由 API 管理", "触发中 1", "2 个目标中 1 个正常", "未触发")),
    ],
)
async def test_the_page_shows_rules_with_their_state_and_what_is_not_scraped(
    client: Client, site: Site, language: Language, words: tuple[str, ...]
) -> None:
    site.pages = Pages(language, "UTC")
    rules = [RULE | {"alert": "On", "expr": "vector(1) < 2"}, RULE | {"alert": "Off"}]
    rules[1]["expr"] = "vector(1) > 2"
    assert (await put(client, "ours", {"rules": rules})).status == 201
    await firing(client, "ours")
    await scraped(client)
    page = await (await client.get("/rules")).text()
    assert all(word in page for word in words), page
    assert "<code>vector(1) &lt; 2</code>" in page
    assert "connection refused" in page
    assert 'href="rules" aria-current="page"' in page


async def test_the_page_says_why_there_is_nothing_on_it(
    client: Client, site: Site, http: ClientSession, tmp_path: Path, guarded: list[Token]
) -> None:
    read = {"Authorization": "Bearer read"}
    assert "name no Prometheus" in await (await client.get("/rules", headers=read)).text()
    manage(site, http, "http://127.0.0.1:1", tmp_path / "managed.yml")
    away = await client.get("/rules", headers=read)
    assert away.status == 200
    assert "Prometheus cannot be asked" in await away.text()
    assert (await client.get("/rules")).status == 401
    assert guarded


async def test_a_file_that_is_not_ours_is_left_alone(up: Path, client: Client, site: Site) -> None:
    text(up, OTHERS)
    answer = await put(client, "ours/On", RULE)
    assert answer.status == 409
    assert "not made by Tocsin" in (await refusals.read(answer))["detail"]
    assert text(up) == OTHERS
    assert (await client.get(URL)).status == 200
    assert changes(site) == {"refused": 1}


class Redirecting(FakeWeb):
    """Finds every expression good, and has somebody else reload."""

    async def reply(self, request: web.Request) -> Answer:
        return web.json_response({"status": "success", "data": request.path})


async def test_a_redirect_is_not_followed_and_what_is_not_known_to_be_in_force_is_said(
    client: Client, site: Site, http: ClientSession, tmp_path: Path
) -> None:
    path = tmp_path / "managed.yml"
    async with Redirecting(broken={"/-/reload": "redirects"}) as fake:
        manage(site, http, fake.base, path)
        answer = await put(client, "ours/On", RULE)
        asked = {each.path for each in fake.seen}
    assert (answer.status, text(path)) == (502, None)
    assert "not in force again" in (await refusals.read(answer))["detail"]
    assert asked == {"/api/v1/format_query", "/-/reload"}
    assert changes(site) == {"stuck": 1}


async def test_a_prometheus_that_is_away_gets_no_rule(
    client: Client, site: Site, http: ClientSession, tmp_path: Path
) -> None:
    path = tmp_path / "managed.yml"
    manage(site, http, "http://127.0.0.1:1", path)
    answer = await put(client, "ours/On", RULE)
    assert (answer.status, text(path)) == (502, None)
    assert (await client.get(URL)).status == 502


async def test_the_settings_name_the_file_from_which_on_rules_can_be_changed(
    http: ClientSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path / "home"))
    settings: dict[str, Any] = {"listen": "127.0.0.1:0", "channels": {"inbox": {"type": "inbox"}}}
    told = {"url": "http://127.0.0.1:1"}
    for keys, status in ((told, 409), (told | {"rules_file": "managed.yml"}, 502)):
        loaded = decode(settings | {"prometheus": keys}, tmp_path / "receiver.yml")
        async with (
            app.running(loaded) as url,
            http.put(f"{url}{URL}/ours/On", json=RULE) as answer,
            http.get(f"{url}/quality") as page,
        ):
            assert (answer.status, page.status) == (status, 200)
    assert text(tmp_path / "managed.yml") is None


async def test_only_an_admin_changes_rules(
    client: Client, site: Site, http: ClientSession, tmp_path: Path, guarded: list[Token]
) -> None:
    assert guarded
    assert (await put(client, "ours/On", RULE, Authorization="Bearer operate")).status == 403
    bearer = {"Authorization": "Bearer admin"}
    answer = await put(client, "ours/On", RULE, **bearer)
    assert answer.status == 409
    assert "rules_file" in (await refusals.read(answer))["detail"]
    manage(site, http, "http://127.0.0.1:1", tmp_path / "managed.yml")
    read = {"Authorization": "Bearer read"}
    assert (await client.get(f"{URL}/ours", headers=read)).status == 404
    for path, said, place in (
        ("ours/On", RULE | {"for": "soon"}, "#/for"),
        ("ours/On", RULE | {"labels": {"a-b": "c"}}, "#/labels/a-b/[key]"),
        ("ours/On", RULE | {"expr": "\x00"}, "#/expr"),
        ("ours/%20x", RULE, "alert"),
        ("%20x/On", RULE, "group"),
        ("%20x", {"rules": [RULE | {"alert": "On"}]}, "group"),
        ("ours", {"rules": [RULE | {"alert": "On"}] * 2}, "#/rules"),
    ):
        answer = await put(client, path, said, **bearer)
        assert answer.status == 400, await answer.text()
        assert await refusals.places(answer) == [place]
