from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.messages.filters import (
    clip,
    duration,
    localtime,
    plain,
    web_link,
)
from receiver.model import Language

MOMENT = datetime(2026, 11, 23, 22, 28, 58, 999_999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "written"),
    [
        ("UTC", "2026-11-23 22:28:58 UTC"),
        ("Asia/Shanghai", "2026-11-24 06:28:58 UTC+8"),
        ("Asia/Kolkata", "2026-11-24 03:58:58 UTC+5:30"),
        ("America/New_York", "2026-11-23 17:28:58 UTC-5"),
        ("America/St_Johns", "2026-11-23 18:58:58 UTC-3:30"),
    ],
)
def test_a_time_is_written_in_its_zone_with_its_offset(zone: str, written: str) -> None:
    assert localtime(MOMENT, ZoneInfo(zone)) == written


def test_the_first_day_of_all_is_written_even_where_it_is_still_the_day_before() -> None:
    first = datetime(1, 1, 1, tzinfo=UTC)
    assert localtime(first, ZoneInfo("America/New_York")) == "0001-01-01 00:00:00+00:00"


@pytest.mark.parametrize(
    ("seconds", "en", "zh"),
    [
        (0, "0s", "0 秒"),
        (0.9, "0s", "0 秒"),
        (-5, "0s", "0 秒"),
        (59.99, "59s", "59 秒"),
        (330, "5m 30s", "5 分钟 30 秒"),
        (3600, "1h", "1 小时"),
        (3660, "1h 1m", "1 小时 1 分钟"),
        (90_061, "1d 1h", "1 天 1 小时"),
    ],
)
def test_a_duration_is_its_two_largest_units(seconds: float, en: str, zh: str) -> None:
    assert duration(seconds, Language.EN) == en
    assert duration(seconds, Language.ZH) == zh


@pytest.mark.parametrize(
    ("text", "size", "cut"),
    [
        ("short", 10, "short"),
        ("严重告警", 12, "严重告警"),
        ("严重告警", 11, "严重…"),
        ("严重告警", 8, "严…"),
        ("🔴🔴🔴", 11, "🔴🔴…"),
    ],
)
def test_a_text_is_cut_by_bytes_between_characters(text: str, size: int, cut: str) -> None:
    assert clip(text, size) == cut


@given(st.text(st.characters()), st.integers(3, 50))
def test_a_cut_text_is_never_longer_than_it_may_be(text: str, size: int) -> None:
    assert len(clip(text, size).encode("utf-8", "replace")) <= size


def test_a_text_becomes_one_line_without_controls_or_turns_of_direction() -> None:
    nasty = " a\r\nb\t\tc \x1b[2J \x00 \u202egnp.exe\u202c \ud800 \u2028 "
    assert plain(nasty) == "a b c �[2J � �gnp.exe� �"


def test_writing_from_right_to_left_and_joined_emoji_stay() -> None:
    assert plain("שלום مرحبا 👩‍👧") == "שלום مرحبا 👩‍👧"


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://a.example/x?y=1&z=2#f", "https://a.example/x?y=1&z=2#f"),
        ("http://[::1]:9090/graph", "http://[::1]:9090/graph"),
        (" http://a.example ", "http://a.example"),
        ("http://a.example/(x)|<y> z", "http://a.example/%28x%29%7C%3Cy%3E%20z"),
        ('http://a.example/"onload=', "http://a.example/%22onload="),
        ("http://a.example/\ud800", "http://a.example/?"),
        ("http://p/g", "http://p/g"),
        ("javascript:alert(1)", ""),
        ("//a.example", ""),
        ("ftp://a.example", ""),
        ("http://good.example@evil.example/", ""),
        ("http://a b.example/", ""),
        ("http://[broken", ""),
        ("http://", ""),
        ("", ""),
        ("http://a.example/" + "x" * 2_000, ""),
    ],
)
def test_only_an_honest_web_address_becomes_a_link(url: str, link: str) -> None:
    assert web_link(url) == link
