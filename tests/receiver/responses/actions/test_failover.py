"""A real HAProxy and a real nginx lead traffic elsewhere, and back."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from pydantic import ValidationError

from receiver.responses.actions import ActionError, Done, Tools
from receiver.responses.fields import UnsafeError
from tests.receiver.responses.actions.acting import act, step

HAPROXY = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/sbin")
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")


async def until(path: Path) -> None:
    async with asyncio.timeout(20):
        while not path.exists():  # noqa: ASYNC110, ASYNC240 -- a file rings no bell
            await asyncio.sleep(0.01)


@pytest.fixture
async def haproxy(tmp_path: Path) -> AsyncIterator[str]:
    """Start one with three servers, of which one is off; returns its socket."""
    if HAPROXY is None:
        pytest.skip("there is no haproxy here")
    control, config = tmp_path / "h.sock", tmp_path / "h.cfg"
    config.write_text(
        f"""global
    stats socket {control} level admin
defaults
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
backend web
    balance roundrobin
    server a 127.0.0.1:1 weight 100
    server b 127.0.0.1:2 weight 50
    server off 127.0.0.1:3 disabled
"""
    )
    process = await asyncio.create_subprocess_exec(HAPROXY, "-db", "-f", str(config))
    await until(control)
    yield str(control)
    process.terminate()
    await process.wait()


async def ask(control: str, command: str) -> str:
    reader, writer = await asyncio.open_unix_connection(control)
    writer.write(f"{command}\n".encode())
    said = (await reader.read()).decode()
    writer.close()
    return said


def lead(control: str, server: str = "a", **said: Any) -> Any:
    return step("failover", haproxy={"socket": control, "backend": "web", "server": server, **said})


async def test_a_server_is_drained_and_gets_its_traffic_back(
    http: ClientSession, haproxy: str
) -> None:
    asked = lead(haproxy, state="drain", weight=10)
    done = await act(http, asked)
    assert done.said == "was ready with weight 100"
    assert (await ask(haproxy, "get weight web/a")).startswith("10 (initial 100)")
    assert "DRAIN" in await ask(haproxy, "show stat")
    await asked.undo(Tools(http, {}), done.notes)
    assert (await ask(haproxy, "get weight web/a")).startswith("100 (initial 100)")
    assert "DRAIN" not in await ask(haproxy, "show stat")


@pytest.mark.parametrize("how", [{"state": "drain"}, {"state": "maint"}, {"weight": 0}])
async def test_the_last_server_that_takes_traffic_goes_on_doing_so(
    http: ClientSession, haproxy: str, how: dict[str, Any]
) -> None:
    await act(http, lead(haproxy, "b", **how))
    with pytest.raises(ActionError, match="too_few_left: 0 others take traffic, and 1 must"):
        await act(http, lead(haproxy, "a", **how))
    assert (await ask(haproxy, "get weight web/a")).startswith("100")
    await act(http, lead(haproxy, "a", state="ready"))


async def test_what_haproxy_does_not_know_is_a_failure(http: ClientSession, haproxy: str) -> None:
    with pytest.raises(ActionError, match="not_found: web has no server c"):
        await act(http, lead(haproxy, "c", state="ready"))
    with pytest.raises(ActionError, match="haproxy: Can't find backend"):
        await act(http, lead(haproxy, state="ready", backend="none"))
    with pytest.raises(ActionError, match="unreachable"):
        await act(http, lead(f"{haproxy}.none", state="ready"))


@pytest.mark.parametrize("name", ["a;b", "a b", "a\nshow", "-a", "../a", "a/b", "a,b", "x=1"])
async def test_no_label_is_another_command(http: ClientSession, haproxy: str, name: str) -> None:
    with pytest.raises((ActionError, UnsafeError)) as told:
        await act(http, lead(haproxy, "${labels.server}", state="maint"), server=name)
    assert isinstance(told.value, UnsafeError) or "unsafe_value" in str(told.value)


OTHER = 'location / { return 200 "${labels.side}"; }\n'


@pytest.fixture
async def nginx(tmp_path: Path) -> AsyncIterator[tuple[Path, str, list[str]]]:
    """Start one that includes a file; returns that, its address, and how to call it."""
    if NGINX is None:
        pytest.skip("there is no nginx here")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    included, config = tmp_path / "where.conf", tmp_path / "n.conf"
    included.write_text('location / { return 200 "first"; }\n')
    paths = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config.write_text(
        f"daemon off; pid {tmp_path}/pid; error_log {tmp_path}/log; events {{}}\n"
        f"http {{ access_log off; {paths}\n"
        f"server {{ listen 127.0.0.1:{port}; include {included}; }} }}\n"
    )
    argv = [NGINX, "-p", str(tmp_path), "-c", str(config)]
    process = await asyncio.create_subprocess_exec(*argv, stderr=asyncio.subprocess.DEVNULL)
    await until(tmp_path / "pid")
    yield included, f"http://127.0.0.1:{port}/", argv
    process.terminate()
    await process.wait()


async def answers(http: ClientSession, url: str, wanted: str) -> None:
    """Wait until the reload, which nginx does by itself, has come about."""
    async with asyncio.timeout(20):
        while True:
            async with http.get(url, headers={"Connection": "close"}) as answer:
                if await answer.text() == wanted:
                    return
            await asyncio.sleep(0.02)


async def test_nginx_leads_elsewhere_and_back(
    http: ClientSession, nginx: tuple[Path, str, list[str]]
) -> None:
    included, url, argv = nginx
    await answers(http, url, "first")
    included.chmod(0o640)
    asked = step("failover", nginx={"file": str(included), "text": OTHER, "argv": argv})
    done: Done = await act(http, asked, side="second")
    await answers(http, url, "second")
    assert included.stat().st_mode & 0o777 == 0o640
    await asked.undo(Tools(http, {}), done.notes)
    await answers(http, url, "first")


async def test_what_nginx_refuses_is_not_left_there(
    http: ClientSession, nginx: tuple[Path, str, list[str]]
) -> None:
    included, url, argv = nginx
    asked = step("failover", nginx={"file": str(included), "text": "nonsense", "argv": argv})
    with pytest.raises(ActionError, match="nginx -t: exit 1") as told:
        await act(http, asked)
    assert "emerg" in told.value.output
    await answers(http, url, "first")
    assert {path.name for path in included.parent.glob(".tocsin*")} == set()
    asked = step("failover", nginx={"file": str(included), "text": OTHER, "argv": argv})
    with pytest.raises(UnsafeError):
        await act(http, asked, side='x"; } location /x { root /; #')


async def test_a_link_in_the_files_place_is_left_alone(http: ClientSession, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "other")
    asked = step("failover", nginx={"file": str(tmp_path / "link"), "text": "x"})
    with pytest.raises(ActionError, match="no plain file"):
        await act(http, asked)


def test_more_rights_are_asked_for_the_test_and_the_reload_only() -> None:
    argv = ["/usr/bin/sudo", "-n", "/usr/sbin/nginx"]
    asked = step("failover", nginx={"file": "/etc/nginx/x", "text": "x", "argv": argv})
    assert asked.privileges == (("/usr/sbin/nginx", "-t"), ("/usr/sbin/nginx", "-s", "reload"))


@pytest.mark.parametrize(
    ("said", "objection"),
    [
        ({}, "either haproxy or nginx"),
        ({"haproxy": {"backend": "b", "server": "s"}}, "state, weight or both"),
        ({"nginx": {"file": "x", "text": "x"}}, "no absolute path"),
        ({"nginx": {"file": "/x/${target}", "text": "x"}}, "no absolute path"),
        ({"nginx": {"file": "/x", "text": "x", "argv": ["nginx"]}}, "with its path"),
    ],
)
def test_what_cannot_be_changed_is_refused_at_once(said: dict[str, Any], objection: str) -> None:
    with pytest.raises(ValidationError, match=objection):
        step("failover", **said)
