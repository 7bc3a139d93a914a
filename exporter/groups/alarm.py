"""The latest alarm of a group: when it was raised, and why."""

from dataclasses import dataclass

from pydantic import TypeAdapter

from exporter.model import SeriesKey


@dataclass(frozen=True, slots=True)
class Change:
    """The pair whose correlation fell most, and how much in units of the alarm line."""

    first: SeriesKey
    second: SeriesKey
    score: float
    usual: float
    """The correlation over the long window, and over the short one."""
    lately: float


@dataclass(frozen=True, slots=True)
class Alarm:
    """What was known of a group when its alarm was raised; scores are NaN where silent."""

    time: float
    """Seconds since 1970."""
    score: float
    change_score: float
    contributions: tuple[tuple[SeriesKey, float], ...]
    change: Change | None


ALARMS: TypeAdapter[dict[str, Alarm]] = TypeAdapter(dict[str, Alarm])
"""Alarms by their groups' names, and how JSON holds them."""
