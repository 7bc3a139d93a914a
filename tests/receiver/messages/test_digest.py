import os
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest

from receiver.channels.contract import Format
from receiver.messages.digest import digest
from receiver.messages.render import Style
from receiver.model import Language, Message, Notification, Status
from tests.fakes.alerts import HOSTILE, START, make_alert, make_notification

GOLDEN = Path(__file__).parent / "golden"
FORMATS = get_args(Format)
ENGLISH = Style("text", Language.EN, "Asia/Shanghai", "https://tocsin.example.com")


def told() -> list[Notification]:
    return [
        make_notification([make_alert(alertname="DiskFull", severity="warning", instance="db-1")]),
        make_notification([make_alert(instance=f"web-{n}") for n in range(3)]),
        make_notification([make_alert(alertname="Old", resolved_after=timedelta(minutes=1))]),
    ]


def write(style: Style = ENGLISH, notifications: list[Notification] | None = None) -> Message:
    told_of = notifications or told()
    numbers = range(7, 7 + len(told_of))
    rendered = digest(told_of, style, key="key", since=START, incidents=numbers)
    assert not rendered.failures
    return rendered.message


def test_a_digest_names_every_alert_and_host_the_most_urgent_first() -> None:
    message = write()
    assert message.title == "[🔴 Critical] 3 messages in one: HostCpuBusy, DiskFull, Old"
    more = "The CPU is busy · Incident: https://tocsin.example.com/incidents"
    assert message.body.splitlines() == [
        "These waited, the first since 2026-11-23 22:28:58 UTC+8, and are told together:",
        "",
        f"🔴 HostCpuBusy: 3 firing — web-0, web-1, web-2 · {more}/8",
        f"🟡 DiskFull: 1 firing — db-1 · {more}/7",
        f"🟢 Old: 1 resolved — web-1:9100 · {more}/9",
        "",
        "Inbox: https://tocsin.example.com",
    ]
    assert (message.status, message.severity.name) == (Status.FIRING, "critical")


@pytest.mark.parametrize("language", Language)
def test_a_mail_of_few_shows_a_picture_of_each_that_has_one(language: Language) -> None:
    mail = Style("email", language, "Asia/Shanghai")
    pictures = [b"disk", b"cpu", None]
    message = digest(told(), mail, key="key", since=START, pictures=pictures).message
    assert message.pictures == (b"cpu", b"disk")  # in the order of the page
    first, second = (message.html.index(f"cid:picture-{n}@tocsin") for n in range(2))
    assert message.html.index("web-2") < first < message.html.index("db-1") < second
    chat = replace(mail, format="dingtalk")
    assert digest(told(), chat, key="key", since=START, pictures=pictures).message.pictures == ()


def test_pictures_of_a_mail_are_left_out_where_they_are_heavy_together() -> None:
    mail = Style("email", Language.EN, "UTC")
    pictures = [b"disk", b"c" * 749_999, b"old"]
    message = digest(told(), mail, key="key", since=START, pictures=pictures).message
    assert [len(each) for each in message.pictures] == [749_999]
    assert message.html.count("cid:") == 1


@pytest.mark.parametrize(("language", "words"), [(Language.EN, "Inbox"), (Language.ZH, "收件箱")])
def test_a_digest_knows_the_link_that_it_shows(language: Language, words: str) -> None:
    link = "https://tocsin.example.com"
    assert write(Style("text", language, "UTC", link)).links == ((words, link),)
    assert write(Style("text", language, "UTC")).links == ()


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("format_", FORMATS)
def test_digests_read_as_they_were_approved(format_: Format, language: Language) -> None:
    """TOCSIN_GOLDEN=write writes what is then to be read and committed."""
    message = write(Style(format_, language, "Asia/Shanghai", "https://tocsin.example.com"))
    written = f"{message.title}\n\n{message.html or message.body}\n"
    golden = GOLDEN / language / f"digest.{format_}.txt"
    if os.environ.get("TOCSIN_GOLDEN") == "write":
        golden.write_text(written)
    assert golden.read_text() == written


def test_of_many_messages_what_they_have_in_common_is_told() -> None:
    many = [make_notification([make_alert(instance=f"web-{n}")]) for n in range(11)]
    few, crowd = write(notifications=many[:10]).body, write(notifications=many).body
    assert few.count("HostCpuBusy: 1 firing — web-") == few.count("/incidents/") == 10
    assert "HostCpuBusy: 11 firing — web-0, " in crowd
    assert "/incidents/" not in crowd


def test_a_summary_is_told_only_of_alerts_that_all_say_it() -> None:
    texts = ("full", "full", "busy")
    alerts = [
        make_alert(instance=f"web-{n}", annotations={"summary": text, "summary_zh": f"{text}了"})
        for n, text in enumerate(texts)
    ]
    both = [make_notification(alerts[:2]), make_notification(alerts[1:])]
    first, second = write(Style("text", Language.ZH, "UTC"), both).body.splitlines()[2:4]
    assert first == "🔴 HostCpuBusy：2 条触发中 · web-0、web-1 · full了"
    assert second == "🔴 HostCpuBusy：2 条触发中 · web-1、web-2"


def test_a_short_message_has_no_room_for_more_than_names() -> None:
    body = write(Style("sms", Language.EN, "UTC", "https://tocsin.example.com")).body
    assert "HostCpuBusy: 3 firing" in body
    assert "The CPU is busy" not in body


def test_alerts_of_one_name_are_parted_by_their_severity() -> None:
    crowd = [make_alert(instance=f"web-{n}", severity="warning") for n in range(200)]
    one = make_alert(instance="db-1")
    lines = write(notifications=[make_notification(crowd), make_notification([one])]).body
    assert lines.splitlines()[2].startswith("🔴 HostCpuBusy: 1 firing — db-1 · ")
    assert lines.splitlines()[3].startswith("🟡 HostCpuBusy: 200 firing — web-0, web-1, ")
    assert lines.splitlines()[3].partition(" · ")[0].endswith(", web-99, and 100 more")


def test_a_digest_of_what_is_over_is_green() -> None:
    message = write(notifications=[told()[2]] * 2)
    assert message.title == "[🟢 Resolved] 2 messages in one: Old"
    assert message.status is Status.RESOLVED


def test_a_digest_speaks_chinese() -> None:
    message = write(Style("dingtalk", Language.ZH, "Asia/Shanghai"))
    assert message.title.startswith("[🔴 严重] 合并 3 条消息")
    assert "- 🔴 HostCpuBusy：3 条触发中 · web-0、web-1、web-2 · The CPU is busy" in message.body


@pytest.mark.parametrize("style", FORMATS)
@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_stays_text_and_short(style: str, hostile: str) -> None:
    alerts = [make_alert(alertname=hostile, instance=f"{n}{hostile}") for n in range(150)]
    one = make_notification(alerts)
    message = write(Style(style, Language.EN, "UTC"), [one, *told()])  # type: ignore[arg-type]
    for text in (message.body, message.html, message.title):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert len(text.encode("utf-8", "replace")) < 20_000
    forbidden = {
        "slack": ("<!channel>", "<http://evil"),
        "dingtalk": ("](http://evil", "<script", "\n### h"),
        "feishu": ("](http://evil", "<script", "<at", "\n### h"),
        "wecom": ("](http://evil", "<script", "<@", "\n### h"),
        "teams": ("](http://evil", "<script", "\n### h"),
        "telegram": ("<script", "<font", "<a href=http", " @all"),
    }
    assert not [word for word in forbidden.get(style, ()) if word in message.body]
    assert "<script" not in message.html


def test_a_digest_of_many_kinds_says_how_many_it_does_not_show() -> None:
    many = [make_notification([make_alert(alertname=f"Alert{n:03}")]) for n in range(100)]
    lines = write(notifications=many).body.splitlines()
    shown = [line for line in lines if "firing" in line]
    assert len(shown) == 60
    assert all(a < b for a, b in pairwise(shown))
    names = ", ".join(f"Alert{n:03}" for n in range(60, 100))
    assert f"and 40 further kinds of alerts: {names}" in lines
