import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from shutil import copytree
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.channels.contract import Format
from receiver.intake.handover import body as handover
from receiver.intake.webhook import parse
from receiver.messages.custody import NOBODY, Custody
from receiver.messages.folder import read
from receiver.messages.library import BUILT_IN, FILES, FOLDER, Templates, put_in_place
from receiver.messages.render import Rendered, Style, render
from receiver.model import (
    REMINDER,
    UNKNOWN,
    Act,
    Alert,
    Background,
    Language,
    Notification,
    Reading,
    Status,
    Unusual,
)
from receiver.severity import SEVERITIES
from tests.fakes.alerts import START, make_alert, make_notification

GOLDEN = Path(__file__).parent / "golden"
NOW = START + timedelta(minutes=5, seconds=30)
FORMATS: tuple[Format, ...] = get_args(Format)

SINGLE = make_notification([make_alert(job="node", cluster="shop")])
RESOLVED = make_notification([make_alert(resolved_after=timedelta(hours=1, minutes=5))])
GROUPED = make_notification(
    [
        make_alert(
            alertname="HostDiskFull",
            instance="db-1:9100",
            mountpoint=mount,
            severity=severity,
            annotations={"description": f"db-1:9100 has {left} left on {mount}"},
            resolved_after=ended,
        )
        for mount, left, severity, ended in (
            ("/var", "1.2 GiB", "warning", timedelta(minutes=2)),
            ("/data", "0.4 GiB", "critical", None),
            ("/home", "3.1 GiB", "warning", None),
        )
    ]
)
TRUNCATED = make_notification(
    [make_alert(instance=f"web-{n}:9100", severity="warning") for n in range(1, 13)], truncated=88
)
RACK = make_notification(
    [
        make_alert(instance=f"web-{n}:9100", rack="r2" if n < 8 else f"r{n}", annotations={})
        for n in range(1, 10)
    ]
)
CASES = {
    "single": SINGLE,
    "resolved": RESOLVED,
    "grouped": GROUPED,
    "truncated": TRUNCATED,
    "measured": SINGLE,
    "rack": RACK,
}
BACKGROUND = Background(
    {
        SINGLE.alerts[0].fingerprint: Reading(1.5 * 2**30, "bytes", 2**20, 5 * 2**20, 3.21),
        RACK.alerts[1].fingerprint: Reading(0.912, "ratio"),
    },
    (Unusual("disk_busy", 2.06), Unusual("cpu_waiting", 1.25)),
    picture=b"png",
    link="https://tocsin.example.com/picture/4f0c?until=1768470000&seal=a1b2",
)
BACKGROUNDS = {"measured": BACKGROUND, "rack": BACKGROUND}
TAKEN = Act("acknowledge", "值班一", START + timedelta(minutes=3))
HUSHED = Act(
    "silence", "值班一", START + timedelta(minutes=3), START + timedelta(hours=1, minutes=3)
)
SHIFT = Act("handover", "值班二", NOW, NOW + timedelta(days=7), "值班一")
CASES |= {
    "acknowledged": replace(SINGLE, act=TAKEN),
    "silenced": replace(GROUPED, act=HUSHED),
    "escalated": replace(SINGLE, act=Act("escalate", "值班二", NOW, None, "ops")),
    "response": replace(
        SINGLE, act=Act("respond", "restart-web", NOW, detail="web 已重启并恢复响应")
    ),
    "handover": parse(handover("ops", SHIFT, ["HostDown", "DiskFull"], 3)),
    "taken": SINGLE,
    "reminder": replace(GROUPED, reason=REMINDER),
}
LINK = "https://tocsin.example.com/act/7?who=first&until=1768470000&seal=a1b2"
CUSTODY = Custody(7, TAKEN, (("值班一", LINK),), ("acknowledge", "silence-1h"), silences=True)
"""An incident that somebody has."""
CUSTODIES = dict.fromkeys(("acknowledged", "silenced", "taken"), CUSTODY)


def write(
    notification: Notification,
    format_: Format,
    language: Language,
    templates: Templates = BUILT_IN,
    background: Background = UNKNOWN,
    custody: Custody = NOBODY,
) -> Rendered:
    style = Style(format_, language, "Asia/Shanghai", "https://tocsin.example.com")
    return render(
        notification,
        style,
        key="key",
        thread="thread",
        now=NOW,
        templates=templates,
        background=background,
        custody=custody,
    )


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("case", CASES)
def test_messages_read_as_they_were_approved(
    case: str, format_: Format, language: Language
) -> None:
    """TOCSIN_GOLDEN=write writes what is then to be read and committed."""
    background, custody = BACKGROUNDS.get(case, UNKNOWN), CUSTODIES.get(case, NOBODY)
    rendered = write(CASES[case], format_, language, BUILT_IN, background, custody)
    message = rendered.message
    assert rendered.failed == ""
    written = f"{message.title}\n\n{message.html or message.body}\n"
    golden = GOLDEN / language / f"{case}.{format_}.txt"
    if os.environ.get("TOCSIN_GOLDEN") == "write":
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(written)
    assert golden.read_text() == written


@pytest.mark.parametrize("language", Language)
def test_a_message_knows_the_links_that_its_text_shows(language: Language) -> None:
    message = write(SINGLE, "dingtalk", language, BUILT_IN, BACKGROUND, CUSTODY).message
    last = message.body.rpartition("\n\n")[2]
    assert {f"[{words}]({url})" for words, url in message.links} == set(last.split(" · "))
    assert message.links[0][1] == LINK  # by which one acts
    assert len(message.links) > 3


def test_a_message_knows_the_labels_of_what_fires() -> None:
    message = write(GROUPED, "text", Language.EN).message
    assert [labels["mountpoint"] for labels in message.labels] == ["/data", "/home"]
    assert write(RESOLVED, "text", Language.EN).message.labels == ()


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("case", ["single", "acknowledged"])
def test_the_page_of_a_mail_knows_the_dark_and_has_buttons(case: str, language: Language) -> None:
    """How it looks at 360 and at 1,000 pixels, light and dark, was looked at in Chromium."""
    page = write(CASES[case], "email", language, BUILT_IN, BACKGROUND, CUSTODY).message.html
    assert '<meta name="color-scheme" content="light dark">' in page
    assert "@media (prefers-color-scheme:dark)" in page
    assert f'<a href="{escape(LINK)}" style="display:block' in page
    assert 'bgcolor="#eaeef2"' in page


@pytest.mark.parametrize("language", Language)
def test_a_list_of_mails_shows_what_happened_after_the_subject(language: Language) -> None:
    page = write(SINGLE, "email", language).message.html
    shown = page.partition("<body")[2].partition("<table")[0]
    assert "display:none" in shown
    assert escape(SINGLE.alerts[0].annotations["summary"]) in shown


def test_a_button_of_what_is_no_address_is_its_words(tmp_path: Path) -> None:
    copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    page = tmp_path / "en" / "email.html.j2"
    page.write_text('{{ "javascript:x" | button("<b>") }} {{ "http://a/?b&c" | button("<b>") }}')
    html = write(SINGLE, "email", Language.EN, unchecked(tmp_path)).message.html
    assert html.startswith("&lt;b&gt; <table")
    assert 'href="http://a/?b&amp;c"' in html
    assert "<b>" not in html


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("format_", FORMATS)
def test_host_value_and_duration_are_in_every_message(format_: Format, language: Language) -> None:
    for told, lasted in (
        (SINGLE, ("5m 30s", "5 分钟 30 秒")),
        (RESOLVED, ("1h 5m", "1 小时 5 分钟")),
    ):
        message = write(told, format_, language).message
        for text in (message.body, message.html) if format_ == "email" else (message.body,):
            assert "web-1:9100" in text
            assert "97.3 %" in text
            assert lasted[language is Language.ZH] in text


def test_a_message_carries_what_its_channel_needs() -> None:
    message = write(RESOLVED, "email", Language.EN).message
    assert (message.key, message.thread, message.status) == ("key", "thread", Status.RESOLVED)
    assert message.severity is SEVERITIES["critical"]
    assert write(SINGLE, "slack", Language.EN).message.html == ""


def test_the_text_of_a_mail_is_never_html() -> None:
    told = make_notification([make_alert(annotations={"summary": "<b>R&D</b>"})])
    message = write(told, "email", Language.EN).message
    assert "<b>R&D</b>" in message.body
    assert "&lt;b&gt;R&amp;D&lt;/b&gt;" in message.html


def test_a_message_is_in_its_readers_language_where_the_rule_speaks_it() -> None:
    said = {"summary": "Disk full", "description": "98% used", "summary_zh": "磁盘已满"}
    told = make_notification([make_alert(annotations=said)])
    chinese, english = (
        write(told, "text", language).message.body for language in (Language.ZH, Language.EN)
    )
    assert "磁盘已满" in chinese
    assert "98% used" in chinese  # what has no translation is better than nothing
    assert "Disk full" in english
    assert "磁盘" not in english


def test_a_group_without_alerts_is_still_a_message() -> None:
    told = make_notification([], common_labels={"severity": "error"}, truncated=3)
    rendered = write(told, "text", Language.EN)
    assert rendered.failed == ""
    assert "3 further alerts" in rendered.message.body


def break_template(tmp_path: Path, name: str, source: str) -> Path:
    folder = tmp_path / "templates"
    copytree(FOLDER, folder)
    (folder / name).write_text(source)
    return folder


def unchecked(folder: Path) -> Templates:
    """Use what no sample has shown to be broken."""
    return put_in_place(read(folder)[0], folder)


@pytest.mark.parametrize(
    "source",
    [
        "{{ view.nothing }}",
        "{{ nothing }}",
        "{{ 1 / 0 }}",
        "{{ view.alerts[99].host }}",
        "{{ 'a' + 1 }}",
        "{{ view.__class__.__mro__ }}",
        "{% for a in view.alerts %}{{ a.started | localtime('x') }}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    ],
)
@pytest.mark.parametrize("format_", FORMATS)
def test_a_template_that_fails_gives_way_to_built_in_text(
    format_: Format, source: str, tmp_path: Path
) -> None:
    name = FILES[format_]
    broken = unchecked(break_template(tmp_path, f"en/{name}", source))
    rendered = write(GROUPED, format_, Language.EN, broken)
    assert rendered.failed == f"en/{name}"
    assert "db-1:9100 has 0.4 GiB left on /data" in rendered.message.body
    assert write(GROUPED, format_, Language.ZH, broken).failed == ""


def test_a_title_or_a_page_that_fails_costs_only_itself(tmp_path: Path) -> None:
    folder = break_template(tmp_path, "zh/title.txt.j2", "{{ nothing }}")
    rendered = write(SINGLE, "text", Language.ZH, unchecked(folder))
    assert rendered.failed == "zh/title.txt.j2"
    assert rendered.message.title == "[🔴 严重] HostCpuBusy"
    assert "开始时间" in rendered.message.body
    (folder / "zh/title.txt.j2").write_text("title")
    (folder / "zh/email.html.j2").write_text("{{ nothing }}")
    rendered = write(SINGLE, "email", Language.ZH, unchecked(folder))
    assert (rendered.failed, rendered.message.html) == ("zh/email.html.j2", "")


def test_what_is_about_no_one_incident_says_so() -> None:
    apart = {
        verb: write(replace(SINGLE, act=Act(verb, "Ada", START)), "text", Language.EN).message.apart
        for verb in ("handover", "weekly", "silence-ends", "escalate")
    }
    assert [verb for verb in apart if not apart[verb]] == ["escalate"]
    assert not write(SINGLE, "text", Language.EN).message.apart


def test_text_from_an_alert_is_never_a_template() -> None:
    told = make_notification([make_alert(annotations={"summary": "{{ 7 * 7 }}{% raw %}"})])
    assert "{{ 7 * 7 }}{% raw %}" in write(told, "text", Language.EN).message.body


texts = st.text(st.characters(), max_size=40)
labels = st.dictionaries(
    st.one_of(st.sampled_from(["alertname", "instance", "severity"]), texts), texts, max_size=5
)
notes = st.dictionaries(
    st.sampled_from(["summary", "description", "runbook_url", "dashboard_url"]),
    st.one_of(texts, texts.map("http://".__add__)),
)
moments = st.datetimes(timezones=st.just(UTC))
alerts = st.builds(
    Alert,
    fingerprint=texts,
    status=st.sampled_from(Status),
    labels=labels,
    annotations=notes,
    starts_at=moments,
    ends_at=st.none() | moments,
    generator_url=texts,
)
notifications = st.builds(
    Notification,
    receiver=texts,
    group_key=texts,
    status=st.sampled_from(Status),
    alerts=st.lists(alerts, max_size=4).map(tuple),
    common_labels=labels,
    external_url=texts,
    truncated=st.integers(0, 10**6),
)


@given(
    notifications,
    st.sampled_from(FORMATS),
    st.sampled_from(Language),
    st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York"]),
    moments,
)
def test_no_notification_makes_rendering_fail(
    told: Notification, format_: Format, language: Language, zone: str, now: datetime
) -> None:
    rendered = render(told, Style(format_, language, zone), key="k", thread="t", now=now)
    assert rendered.failed == ""
    assert rendered.message.title
    assert "\n" not in rendered.message.title
    rendered.message.body.encode()
    rendered.message.html.encode()


def test_a_message_can_be_told_from_another_by_its_hash() -> None:
    """What was settled is put together by it, message and all."""
    for told in CASES.values():
        assert hash(write(told, "text", Language.EN).message)
