"""Units by a program in systemctl's place, containers by an engine with Docker's shapes."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from pydantic import ValidationError

from receiver.responses.actions import ActionError, systemd
from receiver.responses.fields import UnsafeError
from tests.fakes.docker import FakeDocker
from tests.receiver.responses.actions.acting import act, ask, step

ALLOWED = {"tocsin.restart": "true"}


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Put a program in its place that keeps what it is asked; returns what reads that."""
    said = tmp_path / "said"
    program = tmp_path / "systemctl"
    lines = [f'echo "$@" >> {said}', "case $* in *broken*) echo no such unit; exit 5;; esac"]
    program.write_text("\n".join(["#!/bin/sh", *lines, "case $1 in is-active) echo active; esac"]))
    program.chmod(0o755)
    monkeypatch.setattr(systemd, "SYSTEMCTL", str(program))
    return lambda: said.read_text() if said.exists() else ""


@pytest.fixture
async def docker(tmp_path: Path) -> AsyncIterator[FakeDocker]:
    async with FakeDocker(tmp_path / "d.sock") as fake:
        yield fake


async def test_a_unit_is_restarted_by_its_supervisor(
    http: ClientSession, systemctl: Callable[[], str]
) -> None:
    done = await act(http, step("restart", unit="web@${labels.n}.service", user=True), n="1")
    assert done.said == "web@1.service is restarted"
    assert systemctl() == "--user restart web@1.service\n"


async def test_what_systemd_refuses_is_a_failure(
    http: ClientSession, systemctl: Callable[[], str]
) -> None:
    with pytest.raises(ActionError, match="failed: exit 5") as told:
        await act(http, step("restart", unit="broken.service"))
    assert told.value.output == "no such unit\n"
    assert systemctl() == "restart broken.service\n"


@pytest.mark.parametrize(
    "name", ["a/b", "../x", "-x", "*", "a b", "$(id)", "a;b", "x+y", "dev/sda"]
)
async def test_no_label_is_more_than_the_name_of_a_unit(
    http: ClientSession, systemctl: Callable[[], str], name: str
) -> None:
    with pytest.raises((ActionError, UnsafeError)):
        await act(http, step("restart", unit="${labels.n}"), n=name)
    with pytest.raises((ActionError, UnsafeError)):
        await act(http, step("restart", container="${labels.n}"), n=name)
    assert systemctl() == ""


def test_more_rights_are_asked_for_one_command_only() -> None:
    asked = step("restart", unit="web.service", sudo=True)
    assert asked.privileges == (("/usr/bin/systemctl", "restart", "web.service"),)
    assert step("restart", unit="web.service").privileges == ()
    assert asked.repeatable


async def test_only_a_container_that_allows_it_is_restarted(
    http: ClientSession, docker: FakeDocker
) -> None:
    docker.add("web", ALLOWED, health="unhealthy")
    docker.add("db", {"tocsin.restart": "no"})
    docker.add("bare", None)
    asked = step(
        "restart", container="${labels.name}", socket=str(docker.socket), patience=3, timeout="5s"
    )
    done = await act(http, asked, name="web")
    assert done.output == (
        "before: running, unhealthy, last exit 0, started 2026-11-29T08:00:01.000000000Z"
    )
    for name in ("db", "bare"):
        with pytest.raises(ActionError, match=r"not_allowed: .* no label tocsin.restart=true"):
            await act(http, asked, name=name)
    with pytest.raises(ActionError, match="not_found"):
        await act(http, asked, name="gone")
    assert docker.restarts == [("/web", "3")]


async def test_an_engine_that_fails_or_is_not_there_is_said(
    http: ClientSession, docker: FakeDocker, tmp_path: Path
) -> None:
    docker.add("web", ALLOWED)
    docker.broken = 500
    with pytest.raises(ActionError, match="cannot restart it") as told:
        await act(http, step("restart", container="web", socket=str(docker.socket)))
    assert told.value.unknown
    with pytest.raises(ActionError, match="unreachable"):
        await act(http, step("restart", container="web", socket=str(tmp_path / "none")))


@pytest.mark.parametrize(
    ("said", "objection"),
    [
        ({}, "either unit or container"),
        ({"unit": "a", "container": "b"}, "either unit or container"),
        ({"unit": "a", "user": True, "sudo": True}, "needs no sudo"),
        ({"unit": "-H.service"}, "is no unit"),
        ({"unit": "web*"}, "is no unit"),
        ({"container": "../images"}, "is no container"),
    ],
)
def test_what_cannot_be_restarted_is_refused_at_once(said: dict[str, Any], objection: str) -> None:
    with pytest.raises(ValidationError, match=objection):
        step("restart", **said)


async def test_a_unit_that_is_active_is_evidence(
    http: ClientSession, systemctl: Callable[[], str]
) -> None:
    answer = await ask(http, "unit", unit="web.service")
    assert (answer.holds, answer.said) == (True, "active")
    answer = await ask(http, "unit", unit="broken.service")
    assert (answer.holds, answer.said) == (None, "no such unit")
    assert systemctl() == "is-active web.service\nis-active broken.service\n"


@pytest.mark.parametrize(("health", "holds"), [("", True), ("healthy", True), ("starting", False)])
async def test_a_container_that_runs_and_is_healthy_is_evidence(
    http: ClientSession, docker: FakeDocker, health: str, *, holds: bool
) -> None:
    docker.add("web", health=health)
    answer = await ask(http, "container", container="web", socket=str(docker.socket))
    assert answer.holds is holds


async def test_a_container_that_is_gone_or_stopped_does_not_run(
    http: ClientSession, docker: FakeDocker, tmp_path: Path
) -> None:
    docker.add("web")
    docker.containers["web"]["State"]["Status"] = "exited"
    for name in ("web", "gone"):
        answer = await ask(http, "container", container=name, socket=str(docker.socket))
        assert answer.holds is False
    nobody = await ask(http, "container", container="web", socket=str(tmp_path / "none"))
    assert nobody.holds is None
