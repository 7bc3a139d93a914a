"""Which other limit would have kept a rule from what nobody wanted (pure).

A wanted incident must begin in time to be told when it was: by then, its value was beyond the new
limit for all of the rule's `for`. Where that is not known of one, nothing is proposed.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from receiver.incidents.spells import FEWEST, Proposal, Spell
from receiver.model import Labels
from receiver.upstream.prometheus import Series

GRACE = 300.0
"""Seconds that an alert may have fired before its incident was told: Alertmanager groups it."""
_DIGITS = 3
"""Of a limit that people read."""


@dataclass(frozen=True, slots=True)
class Level:
    """How high the value of an incident was: `held` for long enough by then, and at `most`.

    Of a rule that compares with `<`, values are negated, so that higher is always worse.
    """

    spell: Spell
    held: float | None
    most: float | None


def level_of(
    spell: Spell, found: Iterable[Series], limit: float, lasting: float, sign: int
) -> Level:
    """Read an incident's level from the values of its rule over its time."""
    held, most = [], []
    for series in found:
        if _is_about(series.labels, spell.labels):
            most += [sign * value for value in series.values]
            held.append(_held(spell.opened_at.timestamp(), series, lasting, sign))
    fired = [each for each in held if each >= sign * limit]
    return Level(spell, min(fired, default=None), max(most, default=None))


def _held(told: float, series: Series, lasting: float, sign: int) -> float:
    """Return the highest limit by which a rule would have fired when its incident was told."""
    points = [(at, sign * value) for at, value in zip(series.times, series.values, strict=True)]
    first = points[0][0] if points else math.inf
    return max(
        (
            min(value for at, value in points if end - lasting <= at <= end)
            for end, _ in points
            if told - GRACE <= end <= told and first <= end - lasting
        ),
        default=-math.inf,
    )


def propose(levels: Sequence[Level], limit: float, sign: int, openings: int) -> Proposal | None:
    """Return the limit that would have spared most noise, and nothing that somebody wanted."""
    wanted = [level.held for level in levels if level.spell.wanted]
    if None in wanted:
        return None
    ceiling = min((each for each in wanted if each is not None), default=math.inf)
    noise = [
        level.most
        for level in levels
        if level.spell.verdict == "noise" and level.most is not None and level.most < ceiling
    ]
    if len(noise) < FEWEST:
        return None
    value = _round_up(max(noise), ceiling)
    if value <= sign * limit:
        return None
    spared = sum(
        level.most is not None and level.most <= value and not level.spell.wanted
        for level in levels
    )
    return Proposal("threshold", sign * value, spared, openings, limit)


def _round_up(value: float, below: float) -> float:
    """Return a number of few digits that is not less, and below another one; or the value."""
    if value == 0:
        return value
    unit = 10.0 ** (math.floor(math.log10(abs(value))) + 1 - _DIGITS)
    rounded = round(math.ceil(value / unit) * unit, 12)
    return rounded if value <= rounded < below else value


def _is_about(series: Labels, incident: Labels) -> bool:
    """Whether no label of the incident says that a series is not its own."""
    return all(incident.get(name, value) == value for name, value in series.items())
