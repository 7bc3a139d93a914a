"""Reports in words, in both languages."""

from zoneinfo import ZoneInfo

import pytest

from receiver.model import Language
from receiver.reports.build import build
from receiver.reports.facts import Watched
from receiver.reports.phrases import PHRASES
from receiver.reports.wording import Writer, _availability
from tests.receiver.reports.kit import facts, trace

SHANGHAI = ZoneInfo("Asia/Shanghai")
EN, ZH = (Writer(language, SHANGHAI) for language in (Language.EN, Language.ZH))
WATCHED = (
    Watched("memory", "ratio", None, [trace(0.5, 0.56, instance="web-1", job="node")]),
    Watched("filesystem", "ratio", 1.0, [trace(0.5, 0.5, 0.02, instance="db-1", mountpoint="/")]),
    Watched("load", "", failure="timeout"),
)
FULL = build(facts(watched=WATCHED))


def said(writer: Writer) -> dict[str, tuple[str, ...]]:
    return {chapter.title: chapter.lines for chapter in writer.chapters(FULL)}


def test_a_report_says_everything_in_english() -> None:
    told = said(EN)
    assert EN.title(FULL) == "Weekly report"
    assert EN.span(FULL) == "2026-11-23 17:00 \N{EN DASH} 2026-11-30 17:00"
    assert told["In numbers"] == (
        "Incidents opened: 6 (period before: 2): Critical 3 (before: 1), Warning 3 (before: 1)",
        "Acknowledged: 33.3 %",
        "Mean time to acknowledge (MTTA): 30m, to resolve (MTTR): 25m 48s",
        (
            "Availability 58.036 %: the share of time with no critical incident open;"
            " one was open for 2d 22h"
        ),
        "Still open: 2",
    )
    assert told["Opened most often"][0] == "Link: 3 times"
    assert told["Mean time between openings (MTBF)"][0] == "Link: every 18m (3 openings)"
    assert told["Noisiest"] == ("Link: 3 of 3 over within 5 minutes, flaps",)
    assert told["Still open"][0] == "#1 Old (Warning): 15d 8h"
    assert told["Messages"] == (
        "mail: dead 1 (refused), sent 12",
        "ops: suppressed 3 (maintenance)",
    )
    assert told["Findings"] == (
        "memory web-1 grew by 12 % against the week before.",
        "filesystem db-1 / stood at 57% on average and is full in 18d if it goes on like this.",
        "filesystem db-1 / grew by 14 % against the week before.",
    )
    assert told["Performance"][0] == (
        "memory web-1: mean 56%, max 56%, p95 56%, trend +0% a day, +12 % against the period before"
    )
    assert told["What is not known"] == ("load: timeout",)


def test_a_report_says_the_same_in_chinese() -> None:
    told = said(ZH)
    assert ZH.title(FULL) == "周报"
    assert told["概览"][0] == "新增事件：6（上期 2）：严重 3（上期 1）、警告 3（上期 1）"
    assert told["概览"][2] == "平均认领时间（MTTA）：30 分钟，平均恢复时间（MTTR）：25 分钟 48 秒"
    assert told["发现"][0] == "memory web-1 较前一周上升 12 %。"
    assert [len(lines) for lines in told.values()] == [len(lines) for lines in said(EN).values()]


@pytest.mark.parametrize("writer", [EN, ZH])
def test_a_quiet_week_is_said_to_be_one(writer: Writer) -> None:
    calm = build(facts([]))
    assert writer.summary(calm) == (PHRASES[writer.language]["quiet"],)


def test_both_languages_have_all_phrases_with_all_their_values() -> None:
    en, zh = PHRASES[Language.EN], PHRASES[Language.ZH]
    assert en.keys() == zh.keys()
    for name, text in en.items():
        for number in range(4):
            assert (f"{{{number}}}" in text) == (f"{{{number}}}" in zh[name]), name


def test_what_is_not_all_of_the_time_never_looks_as_if_it_were() -> None:
    assert _availability(1.0) == "100 %"
    assert _availability(0.999_999_9) == "99.999 %"
    assert _availability(0.9995) == "99.95 %"
