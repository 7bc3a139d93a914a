"""One connection for several mails: it is kept, asked whether it lives, and replaced."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession

from receiver.channels import wire
from receiver.channels.email import Email
from receiver.model import SendError
from tests.fakes.alerts import make_message
from tests.fakes.smtp import FakeSmtp


@pytest.fixture
def configure(smtp: FakeSmtp, secret_file: Callable[[str, str], str]) -> Callable[..., Email]:
    """Return a maker of channels for the server."""

    def make(**more: Any) -> Email:
        config: dict[str, Any] = {
            "type": "email",
            "smtp": smtp.url,
            "from": "tocsin@example.com",
            "to": ["first@example.com", "second@example.com"],
            "ca_file": str(smtp.certificates.authority),
        }
        if smtp.user:
            config["password_file"] = secret_file("password", smtp.password)
        return Email.model_validate(config | more)

    return make


Configure = Callable[..., Email]


async def test_several_mails_go_by_one_connection(
    configure: Configure, smtp: FakeSmtp, http: ClientSession
) -> None:
    channel = configure()
    for key in ("1", "2", "3"):
        await channel.send(make_message(key=key), http)
    assert (len(smtp.mails), smtp.connections) == (3, 1)
    await channel.close()
    await channel.send(make_message(key="4"), http)
    assert (len(smtp.mails), smtp.connections) == (4, 2)
    await channel.close()


async def test_a_refusal_leaves_nothing_behind_for_the_next_mail(
    configure: Configure, smtp: FakeSmtp, http: ClientSession
) -> None:
    channel = configure()
    smtp.refuse = {"first@example.com": "550 gone", "second@example.com": "550 gone"}
    with pytest.raises(SendError):
        await channel.send(make_message(key="1"), http)
    smtp.refuse = {"first@example.com": "450 greylisted"}
    with pytest.raises(SendError) as put_off:
        await channel.send(make_message(key="2"), http)
    smtp.refuse = {}
    await channel.send(make_message(key="2", reached=put_off.value.reached), http)
    assert [mail.recipients for mail in smtp.mails] == [
        ("second@example.com",),
        ("first@example.com",),
    ]
    assert smtp.connections == 1
    await channel.close()


async def test_a_connection_that_died_meanwhile_costs_no_mail_and_doubles_none(
    configure: Configure, smtp: FakeSmtp, http: ClientSession
) -> None:
    channel = configure()
    await channel.send(make_message(key="1"), http)
    smtp.hang_up()
    await channel.send(make_message(key="2"), http)
    assert (len(smtp.mails), smtp.connections) == (2, 2)
    await channel.close()


async def test_after_a_failure_the_next_mail_has_a_connection_of_its_own(
    configure: Configure, smtp: FakeSmtp, http: ClientSession
) -> None:
    channel = configure()
    smtp.data_reply = "451 try later"
    with pytest.raises(SendError):
        await channel.send(make_message(), http)
    await channel.send(make_message(), http)
    assert (len(smtp.mails), smtp.connections) == (1, 2)
    await channel.close()


async def test_a_connection_is_ended_when_idle_and_after_many_mails(
    configure: Configure,
    smtp: FakeSmtp,
    http: ClientSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "_IDLE", 0.01)
    channel = configure()
    await channel.send(make_message(key="1"), http)
    async with asyncio.timeout(5):
        while channel._wire._client is not None:  # noqa: ASYNC110 -- its end has no event
            await asyncio.sleep(0.01)
    monkeypatch.setattr(wire, "_MOST", 2)
    for key in ("2", "3", "4"):
        await channel.send(make_message(key=key), http)
    assert (len(smtp.mails), smtp.connections) == (4, 3)
    await channel.close()


REPORT = " NOTIFY=FAILURE,DELAY"


@asynccontextmanager
async def recording(extensions: str) -> AsyncIterator[tuple[int, list[str]]]:
    """Serve SMTP that takes everything, and note the lines that are said to it."""
    lines: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := (await reader.readline()).decode().strip():
            lines.append(line)
            if line.startswith("EHLO"):
                writer.write(f"250-here\r\n250 {extensions}\r\n".encode())
            elif line == "DATA":
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                writer.write(b"250 taken\r\n")
            else:
                writer.write(b"250 fine\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], lines


@pytest.mark.parametrize(
    ("extensions", "more", "sender", "recipient"),
    [
        ("DSN", {}, "<a@example.com> RET=HDRS ENVID=key-1", REPORT),
        ("DSN", {"return_path": "b@example.com"}, "<b@example.com> RET=HDRS ENVID=key-1", REPORT),
        ("DSN", {"return_path": ""}, "<>", ""),
        ("8BITMIME", {}, "<a@example.com>", ""),
    ],
)
async def test_failures_are_reported_where_the_server_can_and_somebody_reads_it(
    *,
    extensions: str,
    more: dict[str, str],
    sender: str,
    recipient: str,
    http: ClientSession,
) -> None:
    async with recording(extensions) as (port, lines):
        config = {"type": "email", "smtp": f"smtp://127.0.0.1:{port}", "from": "a@example.com"}
        channel = Email.model_validate(config | {"to": ["c@example.com"]} | more)
        await channel.send(make_message(), http)
        await channel.close()
    assert lines[1:3] == [f"MAIL FROM:{sender}", f"RCPT TO:<c@example.com>{recipient}"]
