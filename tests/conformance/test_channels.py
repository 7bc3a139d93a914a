"""What every channel does by being in CHANNELS."""

import traceback
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession

from receiver.channels import CHANNELS
from receiver.channels.contract import Channel
from receiver.messages.render import Style, render
from receiver.model import Language, Message, SendError
from tests.fakes.alerts import HOSTILE, START, make_alert, make_message, make_notification
from tests.fakes.certs import Certificates
from tests.fakes.rigs import RIGS, Maker, Rig

MAKERS = [
    pytest.param(maker, id=maker.__name__.removesuffix("_rig"))
    for name in CHANNELS
    for maker, _ in RIGS[name]
]
TROUBLES = [
    pytest.param(maker, trouble, id=f"{maker.__name__.removesuffix('_rig')}-{trouble}")
    for name in CHANNELS
    for maker, troubles in RIGS[name]
    for trouble in troubles
]
# Trouble: the error's reason, whether it is permanent, seconds it asks to wait.
OUTCOMES = {
    "rejected": ("rejected", True, None),
    "unauthorized": ("rejected", False, None),
    "forbidden": ("rejected", False, None),
    "missing": ("rejected", False, None),
    "too large": ("rejected", True, None),
    "broken": ("server", False, None),
    "server": ("server", False, None),
    "throttled": ("throttled", False, 17.0),
    "hangs": ("timeout", False, None),
    "html": ("unexpected", False, None),
    "closes": ("unreachable", False, None),
    "redirects": ("unexpected", False, None),
    "echoes": ("rejected", True, None),
    "dead": ("unreachable", False, None),
}

# What must not reach a format as its own markup.
COMMANDS = {
    "slack": ("<!channel>", "<!here>", "<@U123>", "<http://evil"),
    "dingtalk": ("](http://evil", "<script", "<font", "\n### h", "\n> quote"),
    "feishu": ("](http://evil", "<script", "<font", "<at", "\n### h"),
    "wecom": ("](http://evil", "<script", "<font", "<@", "\n### h", "\n> quote"),
    "teams": ("](http://evil", "<script", "<font", "\n### h"),
    "telegram": (" @all", "\n### h"),
    "sms": ("\n",),
    "email": ("\r\nBcc:",),
    "text": ("\nBcc:",),
}


def configure(rig: Rig, folder: Path, **more: str) -> Channel:
    section = CHANNELS[rig.config["type"]]
    return section.model_validate(rig.config | more, context={"folder": folder})


def write(channel: Channel, text: str, language: Language) -> Message:
    """Render an alert that says the text wherever an alert can say something."""
    said = dict.fromkeys(("summary", "description", "runbook_url", "dashboard_url"), text)
    told = make_notification(
        [
            make_alert(annotations=said, alertname=text, instance=text, generator_url=text),
            make_alert(annotations=said, mount=text, resolved_after=timedelta(minutes=1)),
        ]
    )
    style = Style(channel.written, language, "Asia/Shanghai", "https://tocsin.example.com")
    rendered = render(told, style, key="key", thread="thread", now=START)
    assert rendered.failed == ""
    return rendered.message


def test_every_channel_has_a_rig_to_be_tested_on() -> None:
    assert RIGS.keys() == CHANNELS.keys()


@pytest.mark.parametrize("maker", MAKERS)
async def test_a_message_arrives_with_host_value_and_duration(
    maker: Maker, tmp_path: Path, certificates: Certificates, http: ClientSession
) -> None:
    async with maker(tmp_path, certificates) as rig:
        channel = configure(rig, tmp_path)
        told = make_notification([make_alert(resolved_after=timedelta(minutes=5, seconds=30))])
        style = Style(channel.written, Language.EN, "UTC")
        await channel.send(render(told, style, key="k", thread="t", now=START).message, http)
        for text in rig.texts():
            assert "web-1:9100" in text
            assert "97.3 %" in text
            assert "5m 30s" in text


@pytest.mark.parametrize(("maker", "trouble"), TROUBLES)
async def test_trouble_is_classified_and_tells_no_secret(
    maker: Maker, trouble: str, tmp_path: Path, certificates: Certificates, http: ClientSession
) -> None:
    async with maker(tmp_path, certificates) as rig:
        channel = configure(rig, tmp_path, timeout="300ms" if trouble == "hangs" else "10s")
        await rig.provoke(trouble)
        with pytest.raises(SendError) as caught:
            await channel.send(make_message(), http)
    error = caught.value
    assert (error.reason, error.permanent, error.retry_after) == OUTCOMES[trouble]
    said = "".join(traceback.format_exception(error)) + repr(error) + repr(channel)
    assert not [secret for secret in channel.secrets if secret in said]


@pytest.mark.parametrize(("maker", "trouble"), [p for p in TROUBLES if p.values[1] == "server"])
async def test_after_passing_trouble_the_same_message_arrives(
    maker: Maker, trouble: str, tmp_path: Path, certificates: Certificates, http: ClientSession
) -> None:
    async with maker(tmp_path, certificates) as rig:
        channel = configure(rig, tmp_path)
        await rig.provoke(trouble)
        with pytest.raises(SendError):
            await channel.send(make_message(), http)
        await channel.send(make_message(), http)
        (text,) = rig.texts()
        assert "the body" in text


@pytest.mark.parametrize("maker", MAKERS)
async def test_a_channel_that_has_sent_is_still_the_one_that_is_configured(
    maker: Maker, tmp_path: Path, certificates: Certificates, http: ClientSession
) -> None:
    """A reload replaces what differs."""
    async with maker(tmp_path, certificates) as rig:
        channel = configure(rig, tmp_path)
        await channel.send(make_message(), http)
        assert configure(rig, tmp_path) == channel
        assert configure(rig, tmp_path, timeout="9s") != channel


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("maker", MAKERS)
async def test_hostile_text_is_sent_and_stays_text(
    maker: Maker,
    hostile: str,
    language: Language,
    tmp_path: Path,
    certificates: Certificates,
    http: ClientSession,
) -> None:
    async with maker(tmp_path, certificates) as rig:
        channel = configure(rig, tmp_path)
        await channel.send(write(channel, hostile, language), http)
        for text in rig.texts():
            assert not [word for word in COMMANDS[channel.written] if word in text]
            assert "\x1b" not in text
            assert "\u202e" not in text
            assert len(text) < 20_000


@pytest.mark.parametrize(
    "body",
    ["x" * 200_000, "line 严重\n" * 20_000, "严重告警🔴\n" * 6_000, "严重告警🔴" * 6_000],
    ids=["line", "lines", "100 kB", "100 kB at once"],
)
@pytest.mark.parametrize("maker", MAKERS)
async def test_a_body_beyond_every_limit_is_cut_to_fit(
    maker: Maker, body: str, tmp_path: Path, certificates: Certificates, http: ClientSession
) -> None:
    async with maker(tmp_path, certificates) as rig:
        await configure(rig, tmp_path).send(make_message(body), http)
        assert all(body[:5] in text for text in rig.texts())
