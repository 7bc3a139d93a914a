import hmac
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from pydantic import ValidationError

from receiver.channels.webhook import Webhook, _check_body, sign
from receiver.model import Pace, SendError
from tests.fakes.alerts import make_message
from tests.fakes.feishu import FakeFeishu
from tests.fakes.hook import FakeHook

TEXT = '{"text": {"content": {{ title ~ ": " ~ text }}}}'


@pytest.fixture
def make(tmp_path: Path, secret_file: Callable[[str, str], str]) -> Callable[..., Webhook]:
    def build(url: str, **more: Any) -> Webhook:
        section = {"type": "webhook", "url_file": secret_file("hook.url", url), **more}
        return Webhook.model_validate(section, context={"folder": tmp_path})

    return build


async def test_without_a_template_everything_about_a_message_is_sent(
    make: Callable[..., Webhook], http: ClientSession
) -> None:
    async with FakeHook() as fake:
        await make(f"{fake.base}/x", headers={"X-Team": "ops"}).send(make_message('a "b"'), http)
        assert fake.bodies == [
            {
                "title": "[🔴 Critical] HostCpuBusy on web-1:9100",
                "text": 'a "b"',
                "status": "firing",
                "severity": "critical",
                "color": "#d32f2f",
                "key": "key-1",
                "thread": "thread-1",
            }
        ]
        assert fake.seen[0].headers["X-Team"] == "ops"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"errcode": 45009, "errmsg": "api freq out of limit"}, ("throttled", False, 60.0)),
        ({"code": 9499, "msg": "too many request"}, ("throttled", False, 60.0)),
        ({"code": 9499, "msg": "Bad Request"}, ("rejected", True, None)),
        ({"errcode": 130101, "errmsg": "send too fast"}, ("throttled", False, 600.0)),
        ({"errcode": 93000, "errmsg": "invalid webhook url"}, ("gone", False, None)),
        ({"errcode": 40058, "errmsg": "exceed max length"}, ("rejected", True, None)),
        ({"ok": False, "error": "channel_not_found"}, ("rejected", False, None)),
    ],
)
async def test_an_answer_of_200_that_says_no_is_a_failure(
    make: Callable[..., Webhook],
    http: ClientSession,
    answer: dict[str, Any],
    expected: tuple[str, bool, float | None],
) -> None:
    async with FakeHook() as fake:
        fake.answers.append(answer)
        with pytest.raises(SendError) as caught:
            await make(f"{fake.base}/x", body=TEXT).send(make_message(), http)
    error = caught.value
    assert (error.reason, error.permanent, error.retry_after) == expected


async def test_feishu_throttles_by_a_status_that_else_is_about_the_message(
    make: Callable[..., Webhook], http: ClientSession
) -> None:
    async with FakeFeishu(secret="") as fake:
        now = time.time()
        fake.clock = lambda: now
        card = '{"msg_type": "interactive", "card": {"elements": [{{ text }}]}}'
        hook = make(fake.url, body=card)
        for _ in range(5):
            await hook.send(make_message(), http)
        with pytest.raises(SendError) as caught:
            await hook.send(make_message(), http)
    assert (caught.value.reason, caught.value.permanent) == ("throttled", False)


async def test_a_body_is_signed_with_the_time_at_which_it_is_sent(
    make: Callable[..., Webhook], secret_file: Callable[[str, str], str], http: ClientSession
) -> None:
    async with FakeHook() as fake:
        hook = make(f"{fake.base}/x", secret_file=secret_file("hook.secret", "s3cret"))
        await hook.send(make_message("严重"), http)
        headers, body = fake.seen[0].headers, await fake.seen[0].read()
    stamp = headers["X-Tocsin-Timestamp"]
    assert abs(time.time() - int(stamp)) < 10
    expected = hmac.new(b"s3cret", f"{stamp}.".encode() + body, "sha256").hexdigest()
    assert headers["X-Tocsin-Signature"] == f"sha256={expected}"


def test_a_signature_is_what_anybody_would_compute() -> None:
    # printf '1700000000.{}' | openssl dgst -sha256 -hmac key
    digest = "9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae"
    assert sign("key", 1700000000, b"{}") == {
        "X-Tocsin-Timestamp": "1700000000",
        "X-Tocsin-Signature": f"sha256={digest}",
    }


async def test_the_text_is_cut_to_what_the_configuration_allows(
    make: Callable[..., Webhook], http: ClientSession
) -> None:
    async with FakeHook() as fake:
        hook = make(f"{fake.base}/x", body=TEXT, longest=200)
        await hook.send(make_message("zwölf Boxkämpfer\n" * 100), http)
        (text,) = fake.texts
    assert len(text.partition(": ")[2].encode()) <= 200
    assert "more lines left out" in text


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("body", "{{ title }", "not a template"),
        ("body", '{"text": "{{ text }}"}', "it gives no JSON"),
        ("body", '{"text": {{ words }}}', "'words' is undefined"),
        ("headers", {"Authorization": "Bearer x"}, "write the token into a file"),
        ("headers", {"X Team": "ops"}, "not a header"),
        ("headers", {"X-Team": "ops\r\nX: y"}, "not a header"),
    ],
)
def test_what_could_not_be_sent_is_refused_when_it_is_configured(
    make: Callable[..., Webhook], key: str, value: Any, problem: str
) -> None:
    with pytest.raises(ValidationError, match=problem):
        make("https://hooks.example.com/x", **{key: value})


def test_the_pace_of_a_known_service_holds_unless_another_is_configured(
    make: Callable[..., Webhook],
) -> None:
    url = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=abc"
    assert make(url).rule == Pace(20, 60)
    assert make(url, pace="5/1s").rule == Pace(5, 1)
    assert make("https://hooks.example.com/x").rule is None


def test_channels_of_one_url_are_one_destination_whose_name_tells_no_secret(
    make: Callable[..., Webhook],
) -> None:
    one, other = make("https://x.example/secret"), make("https://x.example/secret", body=TEXT)
    assert one.destination == other.destination != make("https://x.example/2").destination
    assert "secret" not in one.destination


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ lipsum.__globals__['os'].popen('id').read() }}",
        "{{ '{0.__class__}'.format(title) }}",
        "{{ (title|attr('format'))(title) and title.__class__ }}",
        "{{ title.__init__.__globals__ }}",
        "{% for x in range(1000000000) %}{% endfor %}1",
        "{% import 'os' as os %}1",
        "{% include '/etc/passwd' %}",
    ],
)
def test_a_template_reaches_nothing_but_the_message(source: str) -> None:
    with pytest.raises(ValueError, match=r"not a template|gives no JSON|body"):
        _check_body(source)
