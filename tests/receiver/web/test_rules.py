"""Rules are changed in one file, and a real Prometheus takes them up, or has those of before."""

import asyncio
import json
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, web

from receiver import app
from receiver.incidents.acting import Acting
from receiver.rulebook.changing import Rulebook
from receiver.store.store import Store
from receiver.upstream.prometheus import Prometheus
from receiver.upstream.ruling import ask_groups
from receiver.web.auth import Token
from receiver.web.keys import Desk, Site
from tests.fakes.web import Answer, FakeWeb
from tests.receiver import refusals
from tests.receiver.clients import Client

URL = "/api/v1/rules"
RULE = {"expr": "vector(1) > 0", "labels": {"severity": "info"}, "annotations": {"summary": "on"}}
OTHERS = """\
groups: [{name: others, rules: [{record: one, expr: vector(1)}]}]
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Run a Prometheus that may be told to reload; returns its address and the managed file."""
    if shutil.which("prometheus") is None:
        pytest.skip("Debian's prometheus is not installed")
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "others.yml").write_text(OTHERS)
    config = folder / "prometheus.yml"
    every = {"evaluation_interval": "200ms"}
    files = [str(folder / "managed.yml"), str(folder / "others.yml")]
    config.write_text(json.dumps({"global": every, "rule_files": files}))
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    options = [f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
    options += ["--web.enable-lifecycle", f"--web.listen-address={address}"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(["prometheus", *options], stderr=log)
    yield f"http://{address}", folder / "managed.yml"
    process.terminate()
    process.wait(timeout=30)


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with app.client() as opened:
        yield opened


@pytest.fixture
def managed(served: tuple[str, Path], site: Site, http: ClientSession) -> Path:
    url, path = served
    path.unlink(missing_ok=True)
    manage(site, http, url, path)
    return path


def manage(site: Site, http: ClientSession, url: str, path: Path) -> None:
    site.prometheus = Prometheus(url=url)
    site.rulebook = Rulebook(path, site.prometheus, site.metrics)
    acting = Acting(site.store, http, site.metrics, site.intake.accept, None)
    site.desk = Desk(acting, {}, site.signer, http)


@pytest.fixture
async def up(managed: Path, site: Site, http: ClientSession) -> Path:
    assert site.prometheus is not None
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            async with http.get(f"{site.prometheus.url}/-/ready") as answer:
                if answer.status == 200:
                    async with http.post(f"{site.prometheus.url}/-/reload") as reloaded:
                        assert reloaded.status == 200
                    return managed
        except OSError:
            pass
        await asyncio.sleep(0.05)
    pytest.fail("Prometheus does not start")


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
