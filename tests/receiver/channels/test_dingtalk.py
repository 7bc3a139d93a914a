import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from pydantic import ValidationError
from yarl import URL

from receiver.channels.dingfaults import diagnose
from receiver.channels.dingtalk import LONGEST_BODY, DingTalk, sign
from receiver.messages.render import Style, render
from receiver.model import Handles, Language, SendError, Status
from receiver.severity import SEVERITIES
from tests.fakes.alerts import START, make_alert, make_message, make_notification
from tests.fakes.dingtalk import FakeDingTalk

SecretFile = Callable[[str, str], str]


@pytest.fixture
def robot(dingtalk: FakeDingTalk, secret_file: SecretFile) -> Callable[..., DingTalk]:
    """Return a maker of channels for the fake robot."""

    def make(**more: Any) -> DingTalk:
        config = {
            "type": "dingtalk",
            "url_file": secret_file("url", dingtalk.url),
            "secret_file": secret_file("secret", dingtalk.secret),
        }
        return DingTalk.model_validate(config | more)

    return make


Robot = Callable[..., DingTalk]


def test_the_signature_is_the_published_one() -> None:
    secret = "SECtest0000000000000000000000000000000000000000000000000000000000"
    assert sign(secret, 1700000000000) == "szPcgtoCabDjIT69N8i2Omun8ktW8akfg42aQqadSCU="


async def test_a_message_is_signed_at_the_moment_of_sending(
    robot: Robot, dingtalk: FakeDingTalk, http: ClientSession
) -> None:
    channel = robot()
    before = time.time()
    await channel.send(make_message(), http)
    (request,) = dingtalk.seen
    assert before - 1 <= int(request.query["timestamp"]) / 1000 <= time.time()
    assert dingtalk.messages[0]["markdown"]["title"] == make_message().title


async def test_the_signature_is_encoded_exactly_once(
    robot: Robot, dingtalk: FakeDingTalk, http: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    dingtalk.clock = lambda: 1700000000.0
    monkeypatch.setattr(time, "time", lambda: 1700000000.0)
    await robot().send(make_message(), http)
    (request,) = dingtalk.seen
    sent = request.raw_path.partition("&sign=")[2]
    assert sent in {
        "szPcgtoCabDjIT69N8i2Omun8ktW8akfg42aQqadSCU%3D",
        "szPcgtoCabDjIT69N8i2Omun8ktW8akfg42aQqadSCU=",
    }


@pytest.mark.parametrize("moment", range(1_700_000_000, 1_700_000_040))
async def test_signatures_with_plus_and_slash_arrive_unharmed(
    moment: int,
    robot: Robot,
    dingtalk: FakeDingTalk,
    http: ClientSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dingtalk.clock = lambda: float(moment)
    monkeypatch.setattr(time, "time", lambda: float(moment))
    await robot().send(make_message(), http)
    assert len(dingtalk.messages) == 1


async def test_without_a_secret_nothing_is_signed(
    robot: Robot, dingtalk: FakeDingTalk, http: ClientSession
) -> None:
    dingtalk.secret = ""
    await robot(secret_file=None).send(make_message(), http)
    assert "sign" not in dingtalk.seen[0].query


@pytest.mark.parametrize(
    ("setting", "reason", "diagnosis"),
    [
        ({"secret": "SECother"}, "auth", "the signature does not match"),
        ({"keywords": ("告警",)}, "keyword", "none of the robot's keywords"),
        ({"addresses": ("192.0.2.1",)}, "address", "not in the robot's list"),
        ({"token": "f" * 64}, "auth", "the access token is unknown"),
        ({"clock": lambda: time.time() + 7200}, "clock", "clock is more than an hour off"),
    ],
    ids=["secret", "keyword", "address", "token", "clock"],
)
async def test_a_refusal_that_a_person_can_mend_is_diagnosed_in_words_and_not_the_end(
    *,
    setting: dict[str, Any],
    reason: str,
    diagnosis: str,
    robot: Robot,
    dingtalk: FakeDingTalk,
    http: ClientSession,
) -> None:
    channel = robot()
    for name, value in setting.items():
        setattr(dingtalk, name, value)
    with pytest.raises(SendError) as caught:
        await channel.send(make_message(), http)
    assert (caught.value.reason, caught.value.permanent) == (reason, False)
    assert diagnosis in caught.value.detail
    assert dingtalk.messages == []


@pytest.mark.parametrize(
    ("code", "said", "reason", "permanent", "retry_after"),
    [
        (-1, "system busy", "server", False, None),
        (88, "token not exist", "auth", False, None),
        (300001, "token is not exist", "auth", False, None),
        (310000, "keywords not in content", "keyword", False, None),
        (310000, "sign not match", "auth", False, None),
        (310000, "description:机器人发送签名不匹配;solution:确认时间戳", "auth", False, None),
        (310000, "ip 192.0.2.7 not in whitelist", "address", False, None),
        (310000, "invalid timestamp", "clock", False, None),
        (310000, "something new", "auth", False, None),
        (400102, "robot is disabled", "gone", False, None),
        (410100, "发送速度太快而限流", "throttled", False, 600),
        (130101, "send too fast, exceed 20 times per minute", "throttled", False, 600),
        (90030, "webhook over limit", "quota", False, None),
        (430104, "content is not allowed", "content", True, None),
        (460101, "message too long, exceed 20000 bytes", "too_long", True, None),
        (660026, "who knows", "unknown", False, None),
        (999999, "请求过于频繁", "throttled", False, 600),
    ],
)
def test_every_code_of_the_table_is_classified(
    *, code: int, said: str, reason: str, permanent: bool, retry_after: float | None
) -> None:
    fault = diagnose(code, said)
    assert (fault.reason, fault.permanent, fault.retry_after) == (reason, permanent, retry_after)


async def test_the_twenty_first_message_of_a_minute_asks_for_ten_minutes(
    robot: Robot, http: ClientSession
) -> None:
    channel = robot()
    for _ in range(20):
        await channel.send(make_message(), http)
    with pytest.raises(SendError) as caught:
        await channel.send(make_message(), http)
    assert (caught.value.reason, caught.value.retry_after) == ("throttled", 600)
    assert not caught.value.permanent


@pytest.mark.parametrize("style", ["markdown", "text", "actionCard"])
async def test_of_what_dingtalk_does_not_allow_the_title_arrives(
    style: str, robot: Robot, dingtalk: FakeDingTalk, http: ClientSession
) -> None:
    dingtalk.forbidden = ("bad.example",)
    links = (("Runbook", "https://bad.example/x"),)
    channel = robot(style=style, language="zh", mention={"critical": ["all"]})
    await channel.send(make_message("see https://bad.example/x", links=links), http)
    (sent,) = dingtalk.messages
    assert dingtalk.errors == [430104]
    assert make_message().title in json.dumps(sent, ensure_ascii=False)
    assert dingtalk.texts[0].endswith("钉钉不允许发送此消息的其余内容。\n\n@all")


async def test_a_title_that_dingtalk_does_not_allow_is_refused_for_good(
    robot: Robot, dingtalk: FakeDingTalk, http: ClientSession
) -> None:
    dingtalk.forbidden = ("HostCpuBusy",)
    with pytest.raises(SendError) as caught:
        await robot().send(make_message(), http)
    assert (caught.value.reason, caught.value.permanent) == ("content", True)
    assert dingtalk.errors == [430104, 430104]


async def test_a_keyword_is_added_to_title_and_text_only_where_it_is_missing(
    robot: Robot, dingtalk: FakeDingTalk, http: ClientSession
) -> None:
    dingtalk.keywords = ("监控",)
    channel = robot(keyword="监控")
    await channel.send(make_message("plain"), http)
    await channel.send(make_message("监控 has it", title="监控 too"), http)
    first, second = (message["markdown"] for message in dingtalk.messages)
    assert first == {"title": f"监控 {make_message().title}", "text": "plain\n\n监控"}
    assert second == {"title": "监控 too", "text": "监控 has it"}


async def test_a_plain_text_has_the_keyword_once(
    robot: Robot, dingtalk: FakeDingTalk, http: ClientSession
) -> None:
    dingtalk.keywords = ("监控",)
    await robot(keyword="监控", style="text").send(make_message("plain"), http)
    assert dingtalk.messages[0]["text"]["content"] == f"监控 {make_message().title}\n\nplain"


async def test_people_are_called_by_severity_and_named_in_the_text(
    robot: Robot, dingtalk: FakeDingTalk, http: ClientSession
) -> None:
    called = {"critical": ["all"], "warning": ["+86-13800000000", "+1-5550100", "manager42"]}
    channel = robot(mention=called)
    await channel.send(make_message(), http)
    await channel.send(make_message(severity=SEVERITIES["warning"]), http)
    await channel.send(make_message(severity=SEVERITIES["info"]), http)
    everyone, some, nobody = dingtalk.messages
    assert everyone["at"] == {"atMobiles": [], "atUserIds": [], "isAtAll": True}
    assert everyone["markdown"]["text"].endswith("\n\n@all")
    assert some["at"] == {
        "atMobiles": ["13800000000", "+1-5550100"],
        "atUserIds": ["manager42"],
        "isAtAll": False,
    }
    assert some["markdown"]["text"].endswith("\n\n@13800000000 @+1-5550100 @manager42")
    assert nobody["at"] == {"atMobiles": [], "atUserIds": [], "isAtAll": False}
    assert nobody["markdown"]["text"] == "the body"


async def test_nobody_is_called_when_an_alert_resolves(
    robot: Robot, dingtalk: FakeDingTalk, http: ClientSession
) -> None:
    channel = robot(mention={"critical": ["all"]})
    await channel.send(make_message(status=Status.RESOLVED), http)
    assert dingtalk.messages[0]["at"]["isAtAll"] is False


@pytest.mark.parametrize("verb", ["acknowledge", "silence", "respond", "handover", "test"])
async def test_nobody_is_called_to_be_told_what_somebody_did(
    verb: str, robot: Robot, dingtalk: FakeDingTalk, http: ClientSession
) -> None:
    channel = robot(mention={"critical": ["all"]})
    await channel.send(make_message(act=verb), http)
    assert dingtalk.messages[0]["at"]["isAtAll"] is False
    assert "@all" not in dingtalk.texts[0]


@pytest.mark.parametrize("verb", ["escalate", "quiet-hours-over"])
async def test_people_are_called_to_what_they_were_not_told_before(
    verb: str, robot: Robot, dingtalk: FakeDingTalk, http: ClientSession
) -> None:
    await robot(mention={"critical": ["all"]}).send(make_message(act=verb), http)
    assert dingtalk.messages[0]["at"]["isAtAll"] is True


@pytest.mark.parametrize(
    ("asked", "mobiles", "users"),
    [
        (Handles(mobile="+8613800000000", slack="U1", dingtalk="first"), [], ["first"]),
        (Handles(mobile="+8613800000000"), ["13800000000"], []),
        (Handles(mobile="+1-5550100"), ["+1-5550100"], []),
        (Handles(slack="U1"), [], []),
    ],
)
async def test_who_is_asked_by_name_is_called(
    asked: Handles,
    mobiles: list[str],
    users: list[str],
    robot: Robot,
    dingtalk: FakeDingTalk,
    http: ClientSession,
) -> None:
    await robot().send(make_message(act="escalate", asked=(asked,)), http)
    at = {"atMobiles": mobiles, "atUserIds": users, "isAtAll": False}
    assert dingtalk.messages[0]["at"] == at


@pytest.mark.parametrize("style", ["text", "markdown", "actionCard"])
async def test_an_alert_that_names_people_calls_nobody(
    robot: Robot, dingtalk: FakeDingTalk, http: ClientSession, style: str
) -> None:
    said = "see ops@example.com and https://docs.example.com/@all @all @所有人 @13800000000 <@all>"
    alert = make_alert(alertname=said, instance=said, annotations={"summary": said})
    links = {"runbook_url": "https://docs.example.com/@all"}
    alert = replace(alert, annotations={"summary": said, **links})
    channel = robot(style=style, mention={"warning": ["all"]})
    how = Style(channel.written, Language.ZH, "UTC")
    message = render(make_notification([alert]), how, key="k", thread="t", now=START).message
    await channel.send(message, http)
    (sent,) = dingtalk.messages
    assert sent.get("at", {"isAtAll": False})["isAtAll"] is False
    shown = json.dumps(sent[style], ensure_ascii=False).replace("https://docs.example.com/@all", "")
    assert "ops@example.com" in shown
    assert not [call for call in ("@all", "@所有人", "@138") if call in shown]


async def test_a_long_body_loses_whole_lines_and_says_how_many(
    robot: Robot, dingtalk: FakeDingTalk, http: ClientSession
) -> None:
    channel = robot(language="zh", mention={"critical": ["all"]})
    await channel.send(make_message("一行十分严重的告警文字\n" * 2_000), http)
    (message,) = dingtalk.messages
    size = len(json.dumps(message, ensure_ascii=False).encode())
    assert LONGEST_BODY - 200 < size <= LONGEST_BODY
    *lines, _, note, _, call = message["markdown"]["text"].split("\n")
    assert set(lines) == {"一行十分严重的告警文字"}
    assert note == f"……其余 {2_001 - len(lines)} 行未显示"
    assert call == "@all"


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"url_file": "nowhere"}, "cannot read nowhere: No such file or directory"),
        ({"url_file": "bad"}, "not a URL that starts with https:// or http://"),
        (
            {"url_file": "metadata"},
            "169.254.169.254 is link-local or a metadata service; messages do not go there",
        ),
        ({"mention": {"urgent": ["all"]}}, "unknown severity urgent; one of critical,"),
        ({"mention": {"page": ["all"]}}, "page counts as critical; write that"),
        ({"mention": {"high": ["no body!"]}}, "nobody can be called 'no body!'; write all, an id"),
        ({"mention_by": {"team": {"db": ["<a>"]}}}, "nobody can be called '<a>'"),
        ({"url_file": "wecom"}, "url_file holds the URL of another robot; write type: wecom"),
        ({"timezone": "Mars/Olympus"}, "not a time zone: 'Mars/Olympus'"),
    ],
)
def test_a_bad_configuration_is_refused_without_showing_the_secret(
    config: dict[str, Any],
    problem: str,
    tmp_path: Path,
    secret_file: SecretFile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    secret_file("bad", "ftp://secret-token")
    secret_file("metadata", "http://169.254.169.254/robot?access_token=secret-token")
    secret_file("wecom", "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=secret-token")
    good = {"type": "dingtalk", "url_file": secret_file("good", "https://example.com/robot")}
    with pytest.raises(ValidationError) as caught:
        DingTalk.model_validate(good | config)
    assert problem in str(caught.value)
    assert "secret-token" not in str(caught.value)


LINKS = (("Runbook", "https://wiki.example.com/a?b=c&d=e"), ("Inbox", "https://tocsin.example.com"))


async def test_a_card_has_buttons_that_open_in_the_browser_in_place_of_the_line_of_links(
    robot: Robot, dingtalk: FakeDingTalk, http: ClientSession
) -> None:
    line = " · ".join(f"[{words}]({url})" for words, url in LINKS)
    message = make_message(f"### the title\n\nthe text\n\n{line}", links=LINKS)
    await robot(style="actionCard").send(message, http)
    (sent,) = dingtalk.messages
    assert sent["msgtype"] == "actionCard"
    card = sent["actionCard"]
    assert (card["text"], card["btnOrientation"]) == ("### the title\n\nthe text", "0")
    opened = [URL(button["actionURL"]) for button in card["btns"]]
    assert [button["title"] for button in card["btns"]] == ["Runbook", "Inbox"]
    assert [url.query["url"] for url in opened] == [url for _, url in LINKS]
    assert {(url.scheme, url.host, url.path, url.query["pc_slide"]) for url in opened} == {
        ("dingtalk", "dingtalkclient", "/page/link", "false")
    }


async def test_what_calls_somebody_or_has_no_button_is_no_card(
    robot: Robot, dingtalk: FakeDingTalk, http: ClientSession
) -> None:
    channel = robot(style="actionCard", mention={"critical": ["all"]})
    await channel.send(make_message(links=LINKS), http)
    await channel.send(make_message(links=LINKS, severity=SEVERITIES["info"]), http)
    await channel.send(make_message(severity=SEVERITIES["info"]), http)
    kinds = [message["msgtype"] for message in dingtalk.messages]
    assert kinds == ["markdown", "actionCard", "markdown"]
    assert dingtalk.messages[0]["at"]["isAtAll"] is True


async def test_a_card_fits_with_long_addresses_and_a_long_text(
    robot: Robot, dingtalk: FakeDingTalk, http: ClientSession
) -> None:
    links = tuple((f"人 {n}", "https://example.com/" + "%E4" * 600) for n in range(12))
    await robot(style="actionCard").send(make_message("严重\n" * 9_000, links=links), http)
    (sent,) = dingtalk.messages
    assert 0 < len(sent["actionCard"]["btns"]) < 12
    assert len(json.dumps(sent, ensure_ascii=False).encode()) <= LONGEST_BODY


@pytest.mark.parametrize("style", ["text", "actionCard"])
async def test_a_long_text_or_card_says_how_many_lines_are_missing(
    style: str, robot: Robot, dingtalk: FakeDingTalk, http: ClientSession
) -> None:
    channel = robot(style=style, language="zh")
    await channel.send(make_message("一行十分严重的告警文字\n" * 2_000, links=LINKS), http)
    (sent,) = dingtalk.messages
    size = len(json.dumps(sent, ensure_ascii=False).encode())
    assert LONGEST_BODY - 200 < size <= LONGEST_BODY
    kept = dingtalk.texts[0].count("一行十分严重的告警文字")
    assert dingtalk.texts[0].endswith(f"……其余 {2_001 - kept} 行未显示")


async def test_a_text_has_its_title_and_calls_people_too(
    robot: Robot, dingtalk: FakeDingTalk, http: ClientSession
) -> None:
    channel = robot(style="text", mention={"critical": ["+86-13800000000"]})
    assert channel.written == "text"
    await channel.send(make_message(), http)
    assert dingtalk.messages == [
        {
            "msgtype": "text",
            "text": {"content": f"{make_message().title}\n\nthe body\n\n@13800000000"},
            "at": {"atMobiles": ["13800000000"], "atUserIds": [], "isAtAll": False},
        }
    ]


async def test_people_are_called_by_the_labels_of_what_fires(
    robot: Robot, dingtalk: FakeDingTalk, http: ClientSession
) -> None:
    teams = {"db": ["+86-13800000000", "first"], "web": ["second", "first"]}
    channel = robot(mention={"critical": ["first"]}, mention_by={"team": teams})
    told = [{"team": "web"}, {"team": "db"}, {"team": "web"}, {"team": "other"}, {}]
    await channel.send(make_message(labels=tuple(told)), http)
    await channel.send(make_message(labels=tuple(told), status=Status.RESOLVED), http)
    first, second = dingtalk.messages
    assert first["at"]["atUserIds"] == ["first", "second"]
    assert first["at"]["atMobiles"] == ["13800000000"]
    assert first["markdown"]["text"].endswith("@first @second @13800000000")
    assert second["at"]["atUserIds"] == []
