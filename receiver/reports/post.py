"""The webhook in which the receiver tells a report to channels (pure)."""

from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

import orjson

from receiver.messages.filters import clip
from receiver.model import ACT_KEY, OF_NONE, Language
from receiver.reports.facts import Report
from receiver.reports.wording import Writer

_LONGEST = 400
"""Bytes of a line."""
_MAIN, _LINES = 12, 15
"""Lines in a chat, and of each chapter in a mail; the templates look for one more."""


def body(report: Report, zone: ZoneInfo, own: str) -> bytes:
    """Write it in every language; its parts are annotations, each of a title and lines.

    `own` leads to our own pages, where the whole of it is.
    """
    end, day = report.period.end.isoformat(), f"{report.period.end.astimezone(zone):%Y-%m-%d}"
    alert = {
        "fingerprint": f"{OF_NONE}report",
        "status": "resolved",
        "labels": {"alertname": Writer(Language.EN, zone).span(report), "severity": "info"},
        "annotations": dict(_annotations(report, zone)),
        "startsAt": report.period.begin.isoformat(),
        "endsAt": end,
        "generatorURL": f"{own}/reports/{report.kind}?of={day}" if own else "",
    }
    said = {"verb": report.kind, "who": report.kind, "at": end, "until": None}
    return orjson.dumps(
        {
            "version": "4",
            "groupKey": f"{OF_NONE}report:{report.kind}:{end}",
            "receiver": "tocsin",
            "status": "resolved",
            "groupLabels": {"alertname": report.kind},
            "alerts": [alert],
            ACT_KEY: said | {"detail": day},
        }
    )


def _annotations(report: Report, zone: ZoneInfo) -> Iterator[tuple[str, str]]:
    """Yield `summary`, a line each as `main_N`, and chapters as `part_N`, by language."""
    for language in Language:
        writer = Writer(language, zone)
        lines = writer.summary(report)
        yield f"summary_{language}", " ".join(lines)
        for number, line in enumerate(_few(lines, _MAIN)):
            yield f"main_{number}_{language}", line
        for number, chapter in enumerate(writer.chapters(report)):
            yield f"part_{number}_{language}", chapter.title
            for place, line in enumerate(_few(chapter.lines, _LINES)):
                yield f"part_{number}_{place}_{language}", line


def _few(lines: Sequence[str], most: int) -> list[str]:
    """Return the first lines, and whether there are more: an alert has room for so much."""
    left = len(lines) - most
    return [*(clip(line, _LONGEST) for line in lines[:most]), *([f"+ {left}"] if left > 0 else ())]
