"""Scaling by an API server with Kubernetes' shapes, a program in docker's place, and plain HTTP."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from receiver.responses.actions import Action, ActionError, Done, Tools
from receiver.responses.actions.scale import wanted
from receiver.responses.fields import UnsafeError
from tests.fakes import certs
from tests.fakes.kubernetes import TOKEN, FakeKubernetes
from tests.fakes.web import Answer, FakeWeb
from tests.receiver.responses.actions.acting import act, step


@pytest.fixture
def cluster(tmp_path: Path, secret_file: Callable[[str, str], str]) -> Callable[..., Action]:
    def build(fake: FakeKubernetes, **said: Any) -> Action:
        about = {"api": fake.base, "namespace": "shop", "deployment": "${labels.deployment}"}
        more = {"token_file": secret_file("token", TOKEN), **said.pop("kubernetes", {})}
        return step("scale", tmp_path, **{"most": 4, "kubernetes": {**about, **more}, **said})

    return build


async def undo(http: ClientSession, action: Action, done: Done) -> Done:
    return await action.undo(Tools(http, {}), done.notes)


async def test_a_deployment_gets_more_and_then_as_many_as_before(
    http: ClientSession, cluster: Callable[..., Action]
) -> None:
    async with FakeKubernetes() as fake:
        path = fake.add("shop", "web", 2)
        asked = cluster(fake, by=1, kubernetes={"deployment": "web"})
        done = await act(http, asked)
        assert (done.said, fake.replicas[path]) == ("2 are 3 now", 3)
        assert asked.undoable
        assert not asked.repeatable
        assert (await undo(http, asked, done)).said == "3 are 2 again"
        assert fake.replicas[path] == 2
        assert (await undo(http, asked, done)).said == "there are 2 already"


async def test_what_others_have_scaled_since_is_left_to_them(
    http: ClientSession, cluster: Callable[..., Action]
) -> None:
    async with FakeKubernetes() as fake:
        path = fake.add("shop", "web", 2)
        asked = cluster(fake, kubernetes={"deployment": "web"})
        done = await act(http, asked)
        fake.replicas[path] = 7
        with pytest.raises(ActionError, match="changed_since: there are 7, and 3 were set"):
            await undo(http, asked, done)
        fake.replicas[path], fake.others = 2, 4
        with pytest.raises(ActionError, match="changed_since: status 409") as told:
            await act(http, asked)
        assert not told.value.unknown
        assert fake.replicas[path] == 4


async def test_what_stands_at_none_is_scaled_too(
    http: ClientSession, cluster: Callable[..., Action]
) -> None:
    async with FakeKubernetes() as fake:
        path = fake.add("shop", "web", 0)
        await act(http, cluster(fake, by=2), deployment="web")
        assert fake.replicas[path] == 2


@pytest.mark.parametrize(
    ("now", "said", "objection"),
    [(4, {}, "at_bound: there are 4, of at least 1 and at most 4"), (9, {}, "at_bound")],
)
async def test_a_bound_is_a_failure_that_changes_nothing(
    http: ClientSession,
    cluster: Callable[..., Action],
    now: int,
    said: dict[str, Any],
    objection: str,
) -> None:
    async with FakeKubernetes() as fake:
        path = fake.add("shop", "web", now)
        with pytest.raises(ActionError, match=objection):
            await act(http, cluster(fake, **said), deployment="web")
        assert fake.replicas[path] == now


async def test_what_the_cluster_refuses_is_said_in_its_words(
    http: ClientSession, cluster: Callable[..., Action], secret_file: Callable[[str, str], str]
) -> None:
    async with FakeKubernetes() as fake:
        with pytest.raises(ActionError, match=r'deployments\.apps "gone" not found'):
            await act(http, cluster(fake), deployment="gone")
        asked = cluster(fake)
        secret_file("token", "another-t0ken-that-is-newer")
        with pytest.raises(ActionError, match="status 401: Unauthorized"):
            await act(http, asked, deployment="web")
        fake.next.append(503)
        with pytest.raises(ActionError) as told:
            await act(http, asked, deployment="web")
        assert told.value.unknown


async def test_a_cluster_is_known_by_its_authority(
    http: ClientSession, cluster: Callable[..., Action], tmp_path: Path
) -> None:
    made = certs.make(tmp_path)
    async with FakeKubernetes(tls=made.server_context()) as fake:
        path = fake.add("shop", "web", 1)
        trusts = cluster(fake, kubernetes={"ca_file": str(made.authority)})
        await act(http, trusts, deployment="web")
        assert fake.replicas[path] == 2
        with pytest.raises(ActionError, match="unreachable"):
            await act(http, cluster(fake), deployment="web")


@pytest.mark.parametrize(
    "name", ["../secrets", "web/../../x", "Web", "a%2fb", "-web", "web?x", "$(id)", "a b", "a\nb"]
)
async def test_no_label_is_more_than_a_name(
    http: ClientSession, cluster: Callable[..., Action], name: str
) -> None:
    async with FakeKubernetes() as fake:
        with pytest.raises((ActionError, UnsafeError)):
            await act(http, cluster(fake), deployment=name)
        assert not fake.seen


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a program in docker's place whose containers are lines of a file; returns that."""
    containers = tmp_path / "containers"
    containers.write_text("one\ntwo\n")
    program = tmp_path / "docker"
    program.write_text(
        f"""#!/bin/sh
case "$*" in
"compose --file /srv/compose.yml ps --quiet web") cat {containers};;
"compose --file /srv/compose.yml up --detach --no-recreate --no-deps --scale web="*" web")
    many=${{9#web=}}; seq "$many" > {containers};;
*) echo "no such service: $*"; exit 1;;
esac
"""
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return containers


async def test_a_service_of_compose_is_scaled_and_no_other(
    http: ClientSession, docker: Path
) -> None:
    where = {"file": "/srv/compose.yml", "service": "${labels.service}"}
    done = await act(http, step("scale", compose=where, by=3, most=4), service="web")
    assert done.said == "2 are 4 now"
    less = step("scale", compose={**where, "service": "web"}, by=-2, most=4)
    done = await act(http, less)
    assert done.said == "4 are 2 now"
    await undo(http, less, done)
    assert len(lines(docker)) == 4
    with pytest.raises(ActionError, match="docker compose: exit 1") as told:
        await act(http, step("scale", compose=where, most=4), service="db")
    assert "no such service" in told.value.output
    for name in ("--help", "a=b", "a/b", "x,y"):
        with pytest.raises((ActionError, UnsafeError)):
            await act(http, step("scale", compose=where, most=4), service=name)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


@dataclass
class Pool(FakeWeb):
    """A service that says and is told how many workers it has."""

    workers: Any = 5

    async def reply(self, request: web.Request) -> Answer:
        if request.method == "PUT":
            self.workers = json.loads(await request.read())["workers"]
            return web.Response(status=204)
        return web.json_response({"workers": self.workers})


async def test_any_service_is_scaled_by_http(http: ClientSession) -> None:
    async with Pool() as fake:
        where = {"url": f"{fake.base}/pool/${{labels.pool}}", "key": "workers"}
        await act(http, step("scale", http=where, by=-2, most=9), pool="gpu")
        assert fake.workers == 3
        for wrong in (True, "3", None, -1, 2.5):
            fake.workers = wrong
            with pytest.raises(ActionError, match="no number workers"):
                await act(http, step("scale", http=where, most=9), pool="gpu")


@given(
    now=st.integers(0, 50),
    by=st.integers(-9, 9).filter(bool),
    bounds=st.tuples(st.integers(0, 20), st.integers(1, 20)).map(sorted),
)
def test_a_step_never_leads_past_a_bound_nor_in_the_other_direction(
    now: int, by: int, bounds: list[int]
) -> None:
    least, most = bounds
    many = wanted(now, by, least, most)
    if many is not None:
        assert least <= many <= most
        assert (many > now) is (by > 0)
        assert abs(many - now) <= abs(by) or not least <= now <= most
    else:
        assert now >= most if by > 0 else now <= least


@pytest.mark.parametrize(
    ("said", "objection"),
    [
        ({"most": 3}, "one of compose, kubernetes and http"),
        ({"most": 3, "by": 0, "http": {"url": "http://h/x"}}, "by is 0"),
        ({"most": 3, "least": 4, "http": {"url": "http://h/x"}}, "exchange them"),
        ({"http": {"url": "http://h/x"}}, "is missing"),
        ({"most": 3, "http": {"url": "http://${target}/x"}}, "stand there in full"),
        ({"most": 3, "compose": {"file": "x.yml", "service": "web"}}, "no absolute path"),
        ({"most": 3, "kubernetes": {"api": "https://169.254.169.254", "deployment": "x"}}, "link"),
    ],
)
def test_what_cannot_be_scaled_is_refused_at_once(said: dict[str, Any], objection: str) -> None:
    with pytest.raises(ValidationError, match=objection):
        step("scale", **said)
