"""What templates can do to a value: times and durations in words, bounds, links."""

import re
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from receiver.model import Language

_UNITS = ((86_400, "d", "天"), (3_600, "h", "小时"), (60, "m", "分钟"), (1, "s", "秒"))
# Controls, surrogates that UTF-8 cannot hold, and the marks that turn the direction of what
# follows them and could so make a text read as another.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]")
_HOST = re.compile(r"[\w.-]+(?::\d+)?|\[[0-9a-fA-F:.]+\](?::\d+)?", re.ASCII)
_SAFE = re.compile(r"[%/:?#&=+,;@!$~*\-.\w]*", re.ASCII)
_LONGEST_URL = 2_000


def plain(text: str) -> str:
    """Return the text as one line without control characters: it came from an alert."""
    if text.isprintable() and "  " not in text:  # then it has none, and no space but U+0020
        return text.strip()
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", " ".join(text.split()))


def clip(text: str, size: int) -> str:
    """Cut to at most `size` bytes of UTF-8, between characters, with … where something is gone."""
    if len(text) * 4 <= size:
        return text
    raw = text.encode("utf-8", "replace")
    if len(raw) <= size:
        return text
    return raw[: size - len("…".encode())].decode("utf-8", "ignore") + "…"


def localtime(moment: datetime, zone: ZoneInfo) -> str:
    """Write a time to the second in a zone, with its offset, e.g. 2026-11-23 22:28:58 UTC+8."""
    try:
        there = moment.astimezone(zone)
    except OverflowError:  # year 1 has no yesterday
        return moment.isoformat(" ", "seconds")
    seconds = int((there.utcoffset() or there - there).total_seconds())
    hours, minutes = divmod(abs(seconds) // 60, 60)
    sign = "-" if seconds < 0 else "+"
    offset = f"{sign}{hours}" + (f":{minutes:02}" if minutes else "") if seconds else ""
    return f"{there.replace(tzinfo=None).isoformat(' ', 'seconds')} UTC{offset}"


def duration(seconds: float, language: Language) -> str:
    """Write a duration with its two largest units: 1h 5m, or 1 小时 5 分钟."""
    rest = max(0, int(seconds))
    parts: list[str] = []
    for size, en, zh in _UNITS:
        count, rest = divmod(rest, size)
        if count or (size == 1 and not parts):
            parts.append(f"{count}{en}" if language is Language.EN else f"{count} {zh}")
    return " ".join(parts[:2])


class Address(str):
    """A URL that `web_link` has passed."""

    __slots__ = ()


@lru_cache(maxsize=1_024)
def web_link(url: str) -> str:
    """Return the URL if it is one of the web, safe inside Markdown, Slack and HTML; else ''.

    One with a user name before the host shows one host and opens another, so it is none. It is
    remembered, since the alerts of a rule name the same ones again and again.
    """
    if len(url) > _LONGEST_URL:
        return ""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not _HOST.fullmatch(parts.netloc):
        return ""
    rest = url.strip()[len(f"{parts.scheme}://{parts.netloc}") :]
    if not _SAFE.fullmatch(rest):
        rest = quote(rest, safe="%/:?#&=+,;@!$~*-._", errors="replace")
    link = f"{parts.scheme}://{parts.netloc}{rest}"
    return Address(link) if len(link) <= _LONGEST_URL else ""
