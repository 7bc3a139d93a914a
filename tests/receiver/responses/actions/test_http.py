"""Calls of a real server on loopback."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from pydantic import ValidationError

from receiver.responses.actions import ActionError
from receiver.responses.fields import UnsafeError
from tests.fakes.web import Answer, FakeWeb
from tests.receiver.responses.actions.acting import act, step


@dataclass
class Service(FakeWeb):
    """Keeps what it was asked, and says a secret."""

    asked: list[tuple[str, str, bytes]] = field(default_factory=list)

    async def reply(self, request: web.Request) -> Answer:
        self.asked.append((request.method, request.path_qs, await request.read()))
        return web.json_response({"token": "s3cret-of-theirs", "state": "draining"}, status=202)


async def test_a_call_has_the_alerts_fields_in_place_and_is_signed(
    http: ClientSession, tmp_path: Path, secret_file: Callable[[str, str], str]
) -> None:
    said = {
        "body": {"host": "${labels.host}", "list": ["at ${target}", 3, None]},
        "headers": {"X-Team": "ops"},
        "token_file": secret_file("token", "t0ken-for-the-service"),
        "secret_file": secret_file("secret", "s3cret-for-signing"),
    }
    async with Service() as fake:
        asked = step("http", tmp_path, url=f"{fake.base}/h/${{labels.host}}?n=${{run}}", **said)
        done = await act(http, asked, host="gpu-1")
        ((method, path, body),) = fake.asked
        headers = fake.seen[0].headers
    assert (method, path) == ("POST", "/h/gpu-1?n=3")
    assert body == b'{"host":"gpu-1","list":["at web-1",3,null]}'
    assert headers["Authorization"] == "Bearer t0ken-for-the-service"
    assert headers["X-Team"] == "ops"
    text = headers["X-Tocsin-Timestamp"].encode() + b"." + body
    digest = hmac.digest(b"s3cret-for-signing", text, hashlib.sha256).hex()
    assert headers["X-Tocsin-Signature"] == f"sha256={digest}"
    assert (done.said, done.output) == ("status 202", '{"token": ***, "state": "draining"}')


@pytest.mark.parametrize(
    ("ugly", "expected"),
    [
        (404, ("failed", False)),
        (503, ("failed", True)),
        ("redirects", ("failed", False)),
        ("closes", ("disconnected", True)),
        ("hangs", ("timeout", True)),
    ],
)
async def test_a_failure_says_whether_it_can_have_been_done(
    http: ClientSession, ugly: Any, expected: tuple[str, bool]
) -> None:
    async with Service() as fake:
        fake.next.append(ugly)
        with pytest.raises(ActionError) as told:
            await act(http, step("http", url=f"{fake.base}/x", timeout="300ms"))
        assert len(fake.seen) == 1
    assert (told.value.reason, told.value.unknown) == expected


async def test_where_nobody_listens_nothing_was_done(http: ClientSession) -> None:
    with pytest.raises(ActionError, match="unreachable: cannot connect") as told:
        await act(http, step("http", url="http://127.0.0.1:1/x"))
    assert not told.value.unknown


async def test_the_statuses_that_succeed_can_be_named(http: ClientSession) -> None:
    async with Service() as fake:
        fake.next.append(404)
        gone = step("http", method="DELETE", url=f"{fake.base}/x", succeeds=[200, 404])
        assert (await act(http, gone)).said == "status 404"
        with pytest.raises(ActionError, match="status 202"):
            await act(http, gone)


def test_only_what_says_so_may_be_sent_twice() -> None:
    assert not step("http", url="http://h/x").repeatable
    assert step("http", url="http://h/x", idempotent=True).repeatable
    assert step("http", url="http://h/x", method="GET").repeatable


@pytest.mark.parametrize(
    "value",
    ["%2e%2e%2fadmin", "..%2Fadmin", "a/../b", "-x", "a b", "a\nb", "$(id)", "a;id", "{{x}}"],
)
async def test_no_value_of_an_alert_leads_elsewhere(http: ClientSession, value: str) -> None:
    async with Service() as fake:
        with pytest.raises((ActionError, UnsafeError)):
            await act(http, step("http", url=f"{fake.base}/h/${{labels.h}}"), h=value)
        assert not fake.seen


async def test_no_value_of_an_alert_adds_to_a_query_or_a_body(http: ClientSession) -> None:
    async with Service() as fake:
        for value in ('a"b', "a&b=c", "a#b", "a?b"):
            with pytest.raises(UnsafeError):
                await act(http, step("http", url=f"{fake.base}/?q=${{labels.h}}"), h=value)
        assert not fake.seen


@pytest.mark.parametrize(
    ("said", "objection"),
    [
        ({"url": "http://${target}/x"}, "stand there in full"),
        ({"url": "http://api:${labels.port}/x"}, "stand there in full"),
        ({"url": "${labels.url}"}, "stand there in full"),
        ({"url": "http://api${target}"}, "stand there in full"),
        ({"url": "http://me:pw@api/x"}, "stand there in full"),
        ({"url": "http://api\\@evil/x"}, "stand there in full"),
        ({"url": "ftp://api/x"}, "stand there in full"),
        ({"url": "http://169.254.169.254/latest"}, "link-local"),
        ({"url": "http://[::ffff:169.254.169.254]/latest"}, "link-local"),
        ({"url": "http://100.100.100.200/latest"}, "link-local"),
        ({"url": "http://api/", "headers": {"Authorization": "x"}}, "token_file"),
        ({"url": "http://api/", "headers": {"X-A": "a\nb"}}, "cannot be sent"),
        ({"url": "http://api/", "headers": {"Host": "evil"}}, "cannot be sent"),
        ({"url": "http://api/", "method": "CONNECT"}, "method"),
    ],
)
def test_where_it_goes_cannot_come_from_an_alert(said: dict[str, Any], objection: str) -> None:
    with pytest.raises(ValidationError, match=objection):
        step("http", **said)
