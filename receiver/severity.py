"""How urgent an alert is, by the word of its label; imports nothing of ours."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Severity:
    """How urgent an alert is: rank 0 is the most urgent; colour is #rrggbb.

    `said` is a word of the user's own that is shown in place of the name.
    """

    name: str
    rank: int
    color: str
    emoji: str
    said: str = ""


SEVERITIES = {
    severity.name: severity
    for severity in (
        Severity("critical", 0, "#d32f2f", "🔴"),
        Severity("high", 1, "#e64a19", "🟠"),
        Severity("error", 2, "#f57c00", "🟠"),
        Severity("warning", 3, "#fbc02d", "🟡"),
        Severity("medium", 4, "#fdd835", "🟡"),
        Severity("low", 5, "#1976d2", "🔵"),
        Severity("info", 6, "#1976d2", "🔵"),
        Severity("none", 7, "#757575", "⚪"),
    )
}
ALIASES = {
    **dict.fromkeys(("page", "emergency", "fatal", "disaster", "p0", "p1"), "critical"),
    **dict.fromkeys(("major", "p2"), "high"),
    "err": "error",
    **dict.fromkeys(("warn", "minor", "p3"), "warning"),
    **dict.fromkeys(("notice", "information", "informational", "p4"), "info"),
}
"""Words that others have for these severities."""
_LONGEST_WORD = 40


def severity_of(labels: Mapping[str, str]) -> Severity:
    """Return the severity that a `severity` label names; a missing one is a warning.

    So is one by a word that nobody here knows, which is kept.
    """
    return _named(_word(labels))


def most_urgent(every: Iterable[Mapping[str, str]]) -> Severity | None:
    """Return the most urgent that any of these labels names; None where there are none."""
    words = {_word(labels) for labels in every}  # of many alerts there are few
    return min(map(_named, words), key=lambda each: (each.rank, each.said), default=None)


def _word(labels: Mapping[str, str]) -> str:
    return labels.get("severity", "")[: _LONGEST_WORD + 1]


@lru_cache(maxsize=1024)
def _named(word: str) -> Severity:
    name = word.strip().lower()
    known = SEVERITIES.get(ALIASES.get(name, name))
    return known or replace(SEVERITIES["warning"], said=_shortened(word))


def _shortened(word: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in word).split())
    return line if len(line) <= _LONGEST_WORD else line[: _LONGEST_WORD - 1] + "…"
