import asyncio
import socket
from typing import Any

import pytest
from aiohttp import ClientSession, TCPConnector
from yarl import URL

from receiver.channels.addresses import GuardedResolver, check_address, reach
from receiver.channels.mailing import parse_server
from receiver.channels.posting import check_url, post
from receiver.model import SendError
from tests.fakes.slack import FakeSlack

FORBIDDEN = [
    "169.254.169.254",
    "169.254.0.23",
    "fe80::1",
    "fe80::1%eth0",
    "::ffff:169.254.169.254",
    "64:ff9b::169.254.169.254",
    "2002:a9fe:a9fe::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "100.100.100.200",
    "168.63.129.16",
]
ALLOWED = ["127.0.0.1", "::1", "10.0.0.1", "192.168.1.1", "fd00::1", "100.64.0.1", "93.184.215.14"]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_link_local_and_metadata_addresses_are_refused(address: str) -> None:
    with pytest.raises(ValueError, match="is link-local or a metadata service"):
        check_address(address)
    with pytest.raises(ValueError, match="is link-local or a metadata service"):
        check_url(f"http://[{address}]/" if ":" in address else f"http://{address}/")


@pytest.mark.parametrize("address", ALLOWED)
def test_loopback_private_and_public_addresses_are_allowed(address: str) -> None:
    check_address(address)


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let every name have these IPv4 addresses."""

    async def look_up(_: str, port: int, **__: object) -> list[Any]:
        kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        return [(*kind, (address, port)) for address in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)


async def test_a_name_that_leads_only_to_a_forbidden_address_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolve_to(monkeypatch, "169.254.169.254")
    async with ClientSession(connector=TCPConnector(resolver=GuardedResolver())) as http:
        with pytest.raises(SendError) as caught:
            await post(http, URL("http://hook.example/"), b"{}", 5, {})
    assert caught.value.reason == "unreachable"
    assert caught.value.detail == (
        "cannot connect to hook.example:80: 169.254.169.254 is link-local or a metadata service;"
        " messages do not go there"
    )


async def test_of_a_name_s_addresses_only_the_allowed_ones_are_tried(
    slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = URL(slack.hook).with_host("hook.example")
    resolve_to(monkeypatch, "169.254.169.254", "127.0.0.1")
    async with ClientSession(connector=TCPConnector(resolver=GuardedResolver())) as http:
        answer = await post(http, url, b'{"text": "x"}', 5, {})
    assert answer.text == "ok"


async def test_mail_goes_to_no_such_address_either(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="link-local"):
        parse_server("smtp://169.254.169.254")
    resolve_to(monkeypatch, "169.254.169.254")
    with pytest.raises(OSError, match="link-local"):
        await reach("mail.example", 25)


async def test_a_host_is_reached_by_the_first_of_its_addresses_that_answers(
    slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(monkeypatch, "169.254.169.254", "127.0.0.2", "127.0.0.1")
    with await reach("hook.example", URL(slack.hook).port or 0) as sock:
        assert sock.getpeername()[0] == "127.0.0.1"
    with pytest.raises(ConnectionRefusedError):
        await reach("hook.example", 1)
