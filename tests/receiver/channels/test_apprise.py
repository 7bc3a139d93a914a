import sys
from collections.abc import Callable

import pytest
from aiohttp import ClientSession
from pydantic import ValidationError

from receiver.channels.apprise import Apprise
from receiver.model import SendError, Status
from receiver.severity import SEVERITIES
from tests.fakes.alerts import make_message
from tests.fakes.hook import FakeHook

Maker = Callable[[str], Apprise]


@pytest.fixture
def make(secret_file: Callable[[str, str], str]) -> Maker:
    def build(url: str, timeout: str = "10s") -> Apprise:
        section = {"type": "apprise", "url_file": secret_file("url", url), "timeout": timeout}
        return Apprise.model_validate(section)

    return build


def at(fake: FakeHook) -> str:
    return fake.base.replace("http://", "json://") + "/a-secret-path"


async def test_a_message_is_sent_with_its_kind(make: Maker, http: ClientSession) -> None:
    async with FakeHook() as fake:
        channel = make(at(fake))
        await channel.send(make_message("@all 严重"), http)
        await channel.send(make_message(severity=SEVERITIES["warning"]), http)
        await channel.send(make_message(status=Status.RESOLVED), http)
    first, second, third = fake.bodies
    assert first["title"] == make_message().title
    assert first["message"] == "\N{FULLWIDTH COMMERCIAL AT}all 严重"
    assert [body["type"] for body in (first, second, third)] == ["failure", "warning", "success"]


async def test_why_it_failed_is_told_without_the_url(make: Maker, http: ClientSession) -> None:
    async with FakeHook() as fake:
        fake.next.append(503)
        with pytest.raises(SendError, match="error=503") as caught:
            await make(at(fake)).send(make_message(), http)
    assert (caught.value.reason, caught.value.permanent) == ("server", False)
    assert "a-secret-path" not in caught.value.detail


async def test_a_body_is_cut_to_what_the_service_takes(make: Maker, http: ClientSession) -> None:
    async with FakeHook() as fake:
        await make(at(fake)).send(make_message("严重告警🔴\n" * 20_000), http)
    assert 25_000 < len(fake.bodies[0]["message"]) <= 32_768
    assert "more lines left out" in fake.bodies[0]["message"]


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("dingtalk://token", "not by Apprise: there it ignores what DingTalk refuses"),
        ("nonsense://secret", "no URL that Apprise knows"),
        ("json://169.254.169.254/secret", "link-local or a metadata service"),
    ],
)
def test_a_url_that_is_no_good_is_refused_without_showing_it(
    make: Maker, url: str, problem: str
) -> None:
    with pytest.raises(ValidationError, match=problem) as caught:
        make(url)
    assert "secret" not in str(caught.value)


def test_without_the_library_it_is_said_how_to_get_it(
    make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(ValidationError, match="pip install 'tocsin"):
        make("json://localhost")
