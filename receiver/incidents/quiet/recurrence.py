"""Rules of RFC 5545, e.g. `FREQ=WEEKLY;BYDAY=SU`, on a clock that hangs on a wall (pure)."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr

_RULE = re.compile(r"FREQ=(YEARLY|MONTHLY|WEEKLY|DAILY)(;[A-Z]+=[0-9A-Z,+-]+)*")
_LONG = re.compile(r"(?<!UNTIL=)\b[+-]?\d{5}|\bINTERVAL=0+\b")
"""Numbers that nobody means, and steps of nothing, which would never end."""
_UNTIL = re.compile(r"UNTIL=(\d{8}T\d{6})Z")
_MOST_A_DAY = 24
_LAST_YEARS = datetime(9960, 1, 1)  # noqa: DTZ001 -- a clock on a wall
"""A rule that never happens is searched for to the end of time, which is the year 9999."""
_SAMPLE = 50
_SAID = "write it like FREQ=WEEKLY;BYDAY=SU, and nothing oftener than DAILY; start has the time"


def check_rule(text: str) -> str:
    """Refuse what is no rule, or one that costs too much to follow, with what to do instead."""
    text = text.removeprefix("RRULE:")
    names = [part.partition("=")[0] for part in text.split(";")]
    if not _RULE.fullmatch(text) or _LONG.search(text) or len({*names}) < len(names):
        raise ValueError(f"not a rule of RFC 5545: {text!r:.80}; {_SAID}")
    ends = [part for part in text.split(";") if part.startswith(("UNTIL=", "COUNT="))]
    endless = ";".join(part for part in text.split(";") if part not in ends)
    try:
        rrulestr(_UNTIL.sub(r"UNTIL=\1", text), dtstart=_LAST_YEARS)
        some = [*islice(iter(rrulestr(endless, dtstart=_LAST_YEARS)), _SAMPLE)]
    except (ValueError, TypeError) as error:
        raise ValueError(f"not a rule of RFC 5545: {error}; correct it") from error
    if not some:
        raise ValueError("does not happen within forty years; correct it")
    if sum(each.date() == some[0].date() for each in some) > _MOST_A_DAY:
        raise ValueError(f"happens more than {_MOST_A_DAY} times a day; use a longer duration")
    return text


@lru_cache(maxsize=1024)
def _rule(text: str, start: datetime, zone: str) -> rrule | None:
    """Return a rule that goes by local times; UNTIL may be one, or in UTC."""

    def local(found: re.Match[str]) -> str:
        at = datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        return f"UNTIL={at.astimezone(ZoneInfo(zone)):%Y%m%dT%H%M%S}"

    made = rrulestr(_UNTIL.sub(local, text), dtstart=start)
    return made if isinstance(made, rrule) else None


def occurrences(
    text: str, start: datetime, zone: str, since: datetime, until: datetime
) -> Iterator[datetime]:
    """Yield the local times at which a rule happens between two local times; empty is once."""
    if not text:
        yield start
    elif rule := _rule(text, start, zone):
        yield from rule.between(since, until, inc=True)
