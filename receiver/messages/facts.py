"""What is known of alerts in numbers, and what those of a group have in common (pure)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from receiver.messages.filters import clip, plain
from receiver.messages.numbers import quantity
from receiver.model import Alert, Background, Language, Reading, Status, Unusual

_SHORT = 60
"""Bytes of a value in words, of a label's name and of its value."""
_UNIT = 16
_NEXT_TO_NOTHING = 1e-3
_NOT_TELLING = {"alertname", "severity", "prometheus", "monitor", "replica"}
_FEWEST = 3
"""Alerts that have something in common."""
_MOST = 3
_SHARES = {Language.EN: "{0} of {1} have {2}={3}", Language.ZH: "{2}={3}（{0}/{1} 条）"}
_LINE = {Language.EN: " (1 is the alarm line)", Language.ZH: "（1 为告警线）"}
_TIMES = {Language.EN: "{} times", Language.ZH: "{} 次"}
_MOST_BESIDE = 5
_COMMA = {Language.EN: ", ", Language.ZH: "、"}
_SEMICOLON = {Language.EN: "; ", Language.ZH: "；"}


@dataclass(frozen=True, slots=True)
class Beside:
    """An incident was `reopened` so often; `also` are titles of others that are one with it."""

    reopened: int = 0
    also: tuple[str, ...] = ()


ALONE = Beside()
Facts = Iterator[tuple[str, str]]


def value_of(alert: Alert, background: Background) -> str:
    """Write the value that an alert says it has, else the one that Prometheus says, or nothing."""
    reading = background.readings.get(alert.fingerprint, Reading())
    unit = _unit(alert, reading)
    said = alert.annotations.get("value") or alert.labels.get("value", "")
    try:
        number = float(said) if said else reading.value
    except ValueError:
        return clip(plain(said), _SHORT)
    return "" if number is None else quantity(number, unit)


def facts_of(
    alerts: Sequence[Alert], background: Background, language: Language, beside: Beside = ALONE
) -> Facts:
    """Yield (kind, text): of one alert its numbers, of several what they have in common.

    Before that how often their incident was opened again, and what fires that is one with it.
    """
    if beside.reopened:
        once = beside.reopened == 1 and language is Language.EN
        yield "reopened", "once" if once else _TIMES[language].format(beside.reopened)
    if also := [clip(plain(title), _SHORT) for title in beside.also[:_MOST_BESIDE]]:
        more = len(beside.also) - len(also)
        yield "also", _COMMA[language].join([*also, *([f"+ {more}"] if more else [])])
    if len(alerts) == 1:
        yield from _numbers(alerts[0], background, language)
    elif shares := _SEMICOLON[language].join(_shares(alerts, language)):
        yield "shares", shares
    if unusual := _COMMA[language].join(map(_unusual, background.unusual)):
        yield "unusual", unusual


def _numbers(alert: Alert, background: Background, language: Language) -> Facts:
    if value := value_of(alert, background):
        yield "value", value
    reading = background.readings.get(alert.fingerprint, Reading())
    unit = _unit(alert, reading)
    if reading.lower is not None and reading.upper is not None:
        yield "expected", _band(reading.lower, reading.upper, unit)
    if reading.deviation is not None:
        yield "deviation", f"{reading.deviation:.2g}{_LINE[language]}"


def _band(lower: float, upper: float, unit: str) -> str:
    """Write a band, with nothing for a bound that beside its width is nothing."""
    least = (upper - lower) * _NEXT_TO_NOTHING
    bounds = (0.0 if abs(bound) < least else bound for bound in (lower, upper))
    return " \N{EN DASH} ".join(quantity(bound, unit) for bound in bounds)


def _unit(alert: Alert, reading: Reading) -> str:
    return clip(plain(alert.annotations.get("unit", "")), _UNIT) or reading.unit


def _unusual(one: Unusual) -> str:
    return f"{clip(plain(one.signal), _SHORT)} {one.deviation:.2g}"


def _shares(alerts: Sequence[Alert], language: Language) -> Iterator[str]:
    """Yield how many of those that fire, or of all where none does, have which label alike."""
    concerned = [a for a in alerts if a.status is Status.FIRING] or alerts
    if len(concerned) < _FEWEST:
        return
    for name, value, count in islice(_telling(concerned), _MOST):
        words = clip(plain(name), _SHORT), clip(plain(value), _SHORT)
        yield _SHARES[language].format(count, len(concerned), *words)


def _telling(alerts: Sequence[Alert]) -> Iterator[tuple[str, str, int]]:
    """Yield the labels that most alerts have, but not all, and of those of the same alerts one."""
    counts = Counter(pair for alert in alerts for pair in alert.labels.items())
    most = [
        (*pair, count)
        for pair, count in counts.items()
        if len(alerts) / 2 <= count < len(alerts) and pair[0] not in _NOT_TELLING and pair[1]
    ]
    seen: set[frozenset[int]] = set()
    for name, value, count in sorted(most, key=lambda each: (-each[2], each[0]))[:20]:
        who = _who(alerts, name, value)
        if who not in seen:
            seen.add(who)
            yield name, value, count


def _who(alerts: Iterable[Alert], name: str, value: str) -> frozenset[int]:
    return frozenset(i for i, a in enumerate(alerts) if a.labels.get(name) == value)
