from collections.abc import Callable
from dataclasses import replace

import pytest
from aiohttp import ClientSession

from receiver.channels.email import Email
from receiver.messages.render import Style, render
from receiver.model import Language, PartlyRefusedError, SendError
from tests.fakes import exim
from tests.fakes.alerts import START, make_alert, make_message, make_notification
from tests.fakes.certs import Certificates

pytestmark = pytest.mark.skipif(exim.PROGRAM is None, reason="Debian's exim4 is not installed")


def configure(port: int, password_file: str, certificates: Certificates) -> Email:
    config = {
        "type": "email",
        "smtp": f"smtp://{exim.USER}@localhost:{port}",
        "password_file": password_file,
        "from": "tocsin@example.com",
        "to": ["gone@example.com", "oncall@example.com"],
        "ca_file": str(certificates.authority),
    }
    return Email.model_validate(config)


async def test_a_real_mail_server_delivers_what_can_be_parsed_back(
    certificates: Certificates, secret_file: Callable[[str, str], str], http: ClientSession
) -> None:
    style = Style("email", Language.ZH, "Asia/Shanghai")
    told = make_notification([make_alert()], group_labels={"alertname": "HostCpuBusy"})
    message = render(told, style, key="key", thread="thread", now=START).message
    async with exim.run_exim(certificates) as server:
        channel = configure(server.port, secret_file("p", exim.PASSWORD), certificates)
        with pytest.raises(SendError) as caught:
            await channel.send(message, http)
        with pytest.raises(SendError):  # by the same connection
            await channel.send(replace(message, key="other"), http)
        await channel.close()
        mail = await server.first_mail()
    assert caught.value.detail == ("1 of 2 recipients refused: gone@example.com: 550 no such user")
    assert "with esmtpsa" in mail["Received"]
    assert mail["Subject"] == "[🔴 严重] HostCpuBusy [web-1:9100]"
    assert mail["List-Id"] == "Tocsin <tocsin.example.com>"
    text, page = mail.iter_parts()
    assert text.get_content().replace("\r\n", "\n").strip() == message.body
    assert page.get_content().replace("\r\n", "\n").strip() == message.html


async def test_a_real_mail_server_puts_one_off_and_takes_the_other(
    certificates: Certificates, secret_file: Callable[[str, str], str], http: ClientSession
) -> None:
    async with exim.run_exim(certificates) as server:
        channel = configure(server.port, secret_file("p", exim.PASSWORD), certificates)
        channel = channel.model_copy(update={"to": ("grey@example.com", "oncall@example.com")})
        with pytest.raises(PartlyRefusedError) as caught:
            await channel.send(make_message(), http)
        await channel.close()
        assert (await server.first_mail())["Subject"]
    error = caught.value
    assert not error.permanent
    assert error.reached == {"oncall@example.com"}
    assert error.detail == "1 of 2 recipients refused: grey@example.com: 451 greylisted"


async def test_a_real_mail_server_refuses_a_wrong_password(
    certificates: Certificates, secret_file: Callable[[str, str], str], http: ClientSession
) -> None:
    async with exim.run_exim(certificates) as server:
        channel = configure(server.port, secret_file("p", "wrong"), certificates)
        with pytest.raises(SendError) as caught:
            await channel.send(make_message(), http)
    assert (caught.value.reason, caught.value.permanent) == ("auth", False)
