from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from pydantic import ValidationError

from receiver.channels.email import Email
from receiver.channels.mailing import PICTURE, parse_server, picture_id, subject_of
from receiver.model import PartlyRefusedError, SendError
from tests.fakes.alerts import make_message
from tests.fakes.certs import Certificates, make
from tests.fakes.smtp import FakeSmtp, Mode

SecretFile = Callable[[str, str], str]


@pytest.fixture
def mail(certificates: Certificates, secret_file: SecretFile) -> Callable[..., Email]:
    """Return a maker of channels for a server."""

    def configure(server: FakeSmtp, **more: Any) -> Email:
        config: dict[str, Any] = {
            "type": "email",
            "smtp": server.url,
            "from": "tocsin@example.com",
            "to": ["first@example.com", "second@example.com"],
            "ca_file": str(certificates.authority),
        }
        if server.user:
            config["password_file"] = secret_file("password", server.password)
        return Email.model_validate(config | more)

    return configure


MailTo = Callable[..., Email]


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
async def test_a_mail_goes_out_encrypted_and_authenticated(
    mode: Mode, certificates: Certificates, mail: MailTo, http: ClientSession
) -> None:
    async with FakeSmtp(certificates, mode, user="ops@example.com") as server:
        await mail(server).send(make_message("wörld 严重", html="<p>wörld 严重</p>"), http)
    (got,) = server.mails
    assert (got.encrypted, got.user) == (True, "ops@example.com")
    assert got.recipients == ("first@example.com", "second@example.com")
    assert got.part("plain").strip() == "wörld 严重"
    assert got.part("html").strip() == "<p>wörld 严重</p>"
    assert got.message.get_content_type() == "multipart/alternative"
    assert [part.get_content_subtype() for part in got.message.iter_parts()] == ["plain", "html"]


async def test_a_picture_stands_within_the_page_that_shows_it(
    certificates: Certificates, mail: MailTo, http: ClientSession
) -> None:
    html = f'<img src="cid:{PICTURE}">'
    async with FakeSmtp(certificates, "starttls", user="ops@example.com") as server:
        await mail(server).send(make_message(html=html, picture=b"\x89PNG"), http)
    plain, related = server.mails[0].message.iter_parts()
    page, picture = related.iter_parts()
    assert plain.get_content_type() == "text/plain"
    assert page.get_content().strip() == html
    assert (picture.get_content_type(), picture["Content-ID"]) == ("image/png", f"<{PICTURE}>")
    assert (picture.get_content_disposition(), picture.get_content()) == ("inline", b"\x89PNG")


async def test_a_digest_has_several_pictures_each_by_its_name(
    certificates: Certificates, mail: MailTo, http: ClientSession
) -> None:
    ids = [picture_id(number) for number in range(2)]
    html = "".join(f'<img src="cid:{each}">' for each in ids)
    message = make_message(html=html, pictures=(b"one", b"two"))
    async with FakeSmtp(certificates, "starttls", user="ops@example.com") as server:
        await mail(server).send(message, http)
    parts = [*server.mails[0].message.walk()]
    found = {part["Content-ID"]: part for part in parts if part["Content-ID"]}
    assert [*found] == [f"<{each}>" for each in ids]
    assert [part.get_content() for part in found.values()] == [b"one", b"two"]


async def test_loopback_without_tls_is_taken_in_the_clear(
    certificates: Certificates, mail: MailTo, http: ClientSession
) -> None:
    async with FakeSmtp(certificates, "plain") as server:
        await mail(server).send(make_message(), http)
    assert not server.mails[0].encrypted


async def test_elsewhere_a_server_without_starttls_gets_neither_mail_nor_password(
    certificates: Certificates, mail: MailTo, http: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FakeSmtp(certificates, "plain", user="ops") as server:
        channel = mail(server)
        monkeypatch.setattr(type(channel.smtp), "is_loopback", False)
        with pytest.raises(SendError) as caught:
            await channel.send(make_message(), http)
    assert (caught.value.reason, caught.value.permanent) == ("unsupported", False)
    assert "STARTTLS" in caught.value.detail
    assert server.mails == []


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    mail: MailTo, smtp: FakeSmtp, http: ClientSession, tmp_path: Path
) -> None:
    stranger = make(tmp_path)
    with pytest.raises(SendError) as caught:
        await mail(smtp, ca_file=str(stranger.authority)).send(make_message(), http)
    assert (caught.value.reason, caught.value.permanent) == ("tls", False)
    assert "certificate" in caught.value.detail
    assert smtp.mails == []


async def test_the_headers_name_thread_and_message_and_ask_for_no_answer(
    mail: MailTo, smtp: FakeSmtp, http: ClientSession
) -> None:
    channel = mail(smtp)
    for key in ("key-1", "key-1", "key-2"):
        await channel.send(make_message(key=key), http)
    first, again, second = (got.message for got in smtp.mails)
    assert first["Message-ID"] == again["Message-ID"] != second["Message-ID"]
    assert first["Message-ID"].endswith("@example.com>")
    assert first["References"] == first["In-Reply-To"] == second["References"]
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Subject"] == make_message().title
    assert first["From"] == "Tocsin <tocsin@example.com>"
    assert abs(datetime.now(UTC) - parsedate_to_datetime(first["Date"])) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("title", "topic", "subject"),
    [
        ("[🔴 Critical] HostDown on web-1", "HostDown", "[🔴 Critical] HostDown [on web-1]"),
        ("[🟢 已恢复 · 2 条] Down · a、b", "Down", "[🟢 已恢复 · 2 条] Down [a、b]"),
        ("[🔴 Critical] Down, Disk on a", "shop", "[🔴 Critical Down, Disk on a] shop"),
        ("HostDown", "HostDown", "HostDown"),
        ("[🔴 Critical] 3 messages in one: Down", "", "[🔴 Critical] 3 messages in one: Down"),
        ("a ] b [ HostDown", "HostDown", "[a  b] HostDown"),
        ("down", "x\r\nBcc: thief@example.com", "[down] x Bcc: thief@example.com"),
    ],
)
def test_a_subject_is_the_same_over_an_incident_but_for_what_is_in_brackets(
    title: str, topic: str, subject: str
) -> None:
    assert subject_of(make_message(title=title, topic=topic)) == subject


async def test_a_title_cannot_add_a_header(
    mail: MailTo, smtp: FakeSmtp, http: ClientSession
) -> None:
    await mail(smtp).send(make_message(title="down\r\nBcc: thief@example.com\x00"), http)
    (got,) = smtp.mails
    assert got.message["Subject"] == "down Bcc: thief@example.com"
    assert "Bcc" not in got.message
    assert got.recipients == ("first@example.com", "second@example.com")


@pytest.mark.parametrize(
    ("line", "permanent"), [("550 5.1.1 no such user", True), ("450 4.2.1 greylisted", False)]
)
async def test_one_refused_address_does_not_stop_the_other(
    *, line: str, permanent: bool, mail: MailTo, smtp: FakeSmtp, http: ClientSession
) -> None:
    smtp.refuse["first@example.com"] = line
    with pytest.raises(SendError) as caught:
        await mail(smtp).send(make_message(), http)
    assert smtp.mails[0].recipients == ("second@example.com",)
    assert isinstance(caught.value, PartlyRefusedError)
    assert caught.value.reached == {"second@example.com"}
    assert (caught.value.reason, caught.value.permanent) == ("recipient", permanent)
    assert caught.value.detail == f"1 of 2 recipients refused: first@example.com: {line}"


async def test_who_has_a_mail_does_not_get_it_again_when_the_other_is_retried(
    mail: MailTo, smtp: FakeSmtp, http: ClientSession
) -> None:
    message = make_message()
    smtp.refuse["first@example.com"] = "452 4.2.2 the mailbox is over quota"
    for _ in range(2):
        with pytest.raises(PartlyRefusedError) as caught:
            await mail(smtp).send(message, http)
        message = replace(message, reached=message.reached | caught.value.reached)
    smtp.refuse.clear()
    await mail(smtp).send(message, http)
    await mail(smtp, to=["second@example.com"]).send(message, http)
    assert [got.recipients for got in smtp.mails] == [
        ("second@example.com",),
        ("first@example.com",),
    ]


@pytest.mark.parametrize("second", ["451 later", "554 relay access denied"])
async def test_all_addresses_refused_is_no_mail_yet(
    second: str, mail: MailTo, smtp: FakeSmtp, http: ClientSession
) -> None:
    smtp.refuse = {"first@example.com": "550 gone", "second@example.com": second}
    with pytest.raises(SendError) as caught:
        await mail(smtp).send(make_message(), http)
    assert not caught.value.permanent
    assert smtp.mails == []


async def test_a_sender_that_is_refused_can_be_mended(
    mail: MailTo, smtp: FakeSmtp, http: ClientSession
) -> None:
    smtp.refuse["tocsin@example.com"] = "550 5.7.1 not your address"
    with pytest.raises(SendError) as caught:
        await mail(smtp).send(make_message(), http)
    assert not caught.value.permanent
    assert "not your address" in caught.value.detail


async def test_a_wrong_password_can_be_mended_and_is_not_told(
    certificates: Certificates, mail: MailTo, http: ClientSession, secret_file: SecretFile
) -> None:
    async with FakeSmtp(certificates, user="ops") as server:
        wrong = secret_file("wrong", "battery staple")
        with pytest.raises(SendError) as caught:
            await mail(server, password_file=wrong).send(make_message(), http)
    assert (caught.value.reason, caught.value.permanent) == ("auth", False)
    assert "battery staple" not in repr(caught.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("smtp://mail.example.com", "smtp://mail.example.com:587"),
        (
            "smtps://ops%40example.com@mail.example.com",
            "smtps://ops@example.com@mail.example.com:465",
        ),
        ("smtp://127.0.0.1:2525", "smtp://127.0.0.1:2525"),
    ],
)
def test_a_server_is_read_from_its_url(url: str, said: str) -> None:
    assert str(parse_server(url)) == said


@pytest.mark.parametrize(
    ("url", "sender"),
    [
        ("smtps://tocsin@smtp.example.com", "tocsin@smtp.example.com"),
        ("smtps://a%40example.com@smtp.example.com", "a@example.com"),
        ("smtp://localhost:25", "tocsin@localhost"),
    ],
)
def test_the_sender_follows_from_the_server_where_none_is_named(url: str, sender: str) -> None:
    assert parse_server(url).sender == sender


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("localhost", True), ("127.0.0.9", True), ("[::1]", True), ("10.0.0.1", False), ("a", False)],
)
def test_only_this_very_host_is_loopback(host: str, *, loopback: bool) -> None:
    assert parse_server(f"smtp://{host}").is_loopback is loopback


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"smtp": "mail.example.com"}, "not a mail server; write it like smtps://user@smtp"),
        ({"smtp": "smtp://a:b@example.com"}, "a password does not belong in the URL"),
        ({"smtp": "smtp://user@example.com"}, "a user in smtp and password_file belong together"),
        ({"to": []}, "at least 1 item"),
        ({"to": ["oncall"]}, "not a mail address: 'oncall'; write it like oncall@example.com"),
        ({"to": ["a@example.com\nBcc: b@example.com"]}, "not a mail address"),
        ({"ca_file": "nowhere.pem"}, "cannot read nowhere.pem: No such file or directory"),
        ({"ca_file": "pyproject.toml"}, "pyproject.toml holds no certificate in PEM format"),
    ],
)
def test_a_bad_configuration_is_refused(config: dict[str, Any], problem: str) -> None:
    good: dict[str, Any] = {"type": "email", "smtp": "smtp://localhost", "to": ["a@example.com"]}
    with pytest.raises(ValidationError) as caught:
        Email.model_validate(good | config)
    assert problem in str(caught.value)
