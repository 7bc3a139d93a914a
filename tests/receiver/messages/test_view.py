from datetime import timedelta
from typing import Any

import pytest

from receiver.messages.view import View, look_at
from receiver.model import Language
from tests.fakes.alerts import HOSTILE, START, make_alert, make_notification

SAID = {"impact": "Nobody can pay", "impact_zh": "无法付款", "summary": "down"}


def look(language: Language = Language.EN, **labels: Any) -> View:
    alerts = [
        make_alert(team="shop", annotations=SAID, **labels),
        make_alert(team="shop", annotations={**SAID, "summary": "up"}, instance="db-1"),
    ]
    return look_at(make_notification(alerts), language, "", START + timedelta(minutes=1))


def test_a_template_reads_one_label_or_annotation_by_its_name() -> None:
    first = look(az="eu-1").alerts[0]
    assert (first.label("az"), first.label("none")) == ("eu-1", "")
    assert (first.annotation("impact"), first.annotation("none")) == ("Nobody can pay", "")


def test_an_annotation_is_found_in_the_language_of_who_reads() -> None:
    assert look(Language.ZH).alerts[0].annotation("impact") == "无法付款"
    assert look(Language.ZH).annotation("impact") == "无法付款"


def test_of_the_whole_message_only_what_all_alerts_share_is_found() -> None:
    view = look(az="eu-1")
    assert (view.label("team"), view.label("az")) == ("shop", "")
    assert (view.annotation("impact"), view.annotation("summary")) == ("Nobody can pay", "")


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_what_is_read_by_name_is_one_short_line(hostile: str) -> None:
    told = make_notification([make_alert(x=hostile, annotations={"x": hostile})])
    alert = look_at(told, Language.EN, "", START).alerts[0]
    for text, size in ((alert.label("x"), 200), (alert.annotation("x"), 2_000)):
        assert len(text.encode()) <= size
        assert text.isprintable() or "\u200d" in text  # which joins emoji


def test_the_most_urgent_of_many_alerts_is_among_those_that_are_shown() -> None:
    crowd = [make_alert(severity="info", instance=f"web-{n}") for n in range(14)]
    over = make_alert(instance="db-2", resolved_after=timedelta(minutes=1))
    told = make_notification([over, *crowd, make_alert(instance="db-1")])
    view = look_at(told, Language.EN, "", START)
    assert (view.alerts[0].host, view.alerts[1].host, view.more) == ("db-1", "web-0", 6)


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("page", "🔴 Critical"),
        ("P2", "🟠 High"),
        ("warn", "🟡 Warning"),
        ("informational", "🔵 Info"),
        ("Sev-A", "🟡 Sev-A"),
        ("", "🟡 Warning"),
        ("x" * 99, f"🟡 {'x' * 39}…"),
    ],
)
def test_a_severity_goes_by_the_word_of_its_label(word: str, shown: str) -> None:
    told = make_notification([make_alert(severity=word)])
    view = look_at(told, Language.EN, "", START)
    assert f"{view.emoji} {view.state}" == shown


def test_a_word_that_nobody_knows_is_less_urgent_than_one_that_is_known_to_be_urgent() -> None:
    told = make_notification([make_alert(severity=word) for word in ("ours", "err", "low")])
    assert look_at(told, Language.EN, "", START).state == "Error"
    assert look_at(make_notification(told.alerts[::2]), Language.ZH, "", START).state == "ours"
