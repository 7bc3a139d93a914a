from dataclasses import replace

import pytest

from exporter.detectors.scoring import SPEAKERS
from exporter.history.reasons import LANGUAGES, VIEWS, Language, Moment, moved, number, sentence
from exporter.history.related import Related

NAN = float("nan")
JUMP = Moment(value=512.0, expected=14, lower=2, upper=26, score=3.24, view="level")

FLAT = Moment(14, 14, 2, 26, 0.3, "flat", active=True, time=1_795_903_680, since=1_795_903_200)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "en",
            (
                "queue is 512, 498 above the expected 14 (2 to 26 is ordinary); "
                "its score is 3.24, and 1 is the alarm line: it left the level of late."
            ),
        ),
        (
            "zh",
            (
                "queue 为 512，比预期的 14 高 498（正常范围 2 至 26）；"
                "得分为 3.24（告警线为 1）：偏离了近期水平。"
            ),
        ),
    ],
)
def test_an_alarm_says_what_was_expected_by_how_much_and_who_spoke(
    language: Language, said: str
) -> None:
    assert sentence("queue", JUMP, language) == said


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (replace(JUMP, value=3, score=0.2, view=""), "as usual: 14 expected, 2 to 26 is ordinary"),
        (replace(JUMP, value=-3), "17 below the expected 14"),
        (replace(JUMP, score=0.3, view=""), "its score has fallen back since the peak"),
        (
            replace(JUMP, value=14, view="flat"),
            "is 3.24, and 1 is the alarm line: it has stopped moving",
        ),
        (
            replace(FLAT, score=1),
            "it has stopped moving, the same since 2026-11-28 22:00:00 UTC, for 480 s.",
        ),
        (
            FLAT,
            "its alarm goes on: it has stopped moving, the same since 2026-11-28 22:00:00 UTC, for",
        ),
        (replace(FLAT, view="period"), "its alarm goes on: its rhythm is broken"),
        (replace(FLAT, view="week", value=99), "its alarm goes on: at this hour of the week"),
        (replace(FLAT, view=""), "is 14, ordinary again: 14 expected, 2 to 26 is ordinary; its"),
        (replace(JUMP, view="newcomer"), "newcomer is unusual"),
        (replace(JUMP, score=NAN), "too little is known"),
        (replace(JUMP, value=NAN), "no value just now"),
    ],
)
def test_every_case_has_its_sentence(moment: Moment, said: str) -> None:
    assert said in sentence("queue", moment, "en")
    assert "queue" in sentence("queue", moment, "zh")


def test_every_view_has_words_in_every_language() -> None:
    assert set(SPEAKERS) <= set(VIEWS)
    assert all(set(words) == set(LANGUAGES) for words in VIEWS.values())


@pytest.mark.parametrize(
    ("lead", "english", "chinese"),
    [
        (30, "30 s earlier", "提前 30 秒"),
        (-45, "45 s later", "滞后 45 秒"),
        (0, "same time", "同时"),
    ],
)
def test_what_else_moved_says_when(lead: float, english: str, chinese: str) -> None:
    one = Related(index=0, score=2.04, lead=lead, correlation=-0.82)
    assert english in moved("disk", one, "en")
    assert chinese in moved("disk", one, "zh")
    assert moved("disk", one, "en").endswith(
        "was 2.04, and 1 is the alarm line; its correlation was -0.8."
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.123456, "0.1235"),
        (-1234567.0, "-1235000"),
        (1e-9, "1.000e-09"),
        (2e20, "2.000e+20"),
        (float("inf"), "∞"),
        (NAN, "?"),
    ],
)
def test_numbers_are_spelled_for_reading(value: float, text: str) -> None:
    assert number(value) == text
