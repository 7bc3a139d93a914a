"""Numbers as people read them, by the names that Prometheus' templates have for it.

https://prometheus.io/docs/prometheus/latest/configuration/template_reference/#numbers
A text that is no number stays as it is: an annotation may say anything.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

_SI = ("", "k", "M", "G", "T", "P", "E", "Z", "Y")
_SMALL = ("", "m", "u", "n", "p", "f", "a", "z", "y")
_IEC = ("", "ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def humanize(value: Any) -> str:
    """Write a number with the prefix of SI that suits it: 1.234M, 20m."""
    number = _read(value)
    if number is None:
        return str(value)
    if 0 < abs(number) < 1:
        return _scale(number, 1 / 1_000, _SMALL)
    return _scale(number, 1_000, _SI)


def humanize1024(value: Any) -> str:
    """Write a number with the binary prefix that suits it: 1.5Gi."""
    number = _read(value)
    return str(value) if number is None else _scale(number, 1_024, _IEC)


def humanize_percentage(value: Any) -> str:
    """Write a ratio as a percentage: 0.1234 is 12.34%."""
    number = _read(value)
    return str(value) if number is None else f"{number * 100:.4g}%"


def humanize_duration(value: Any) -> str:
    """Write seconds, however few or many: 1d 2h 0m 5s, 1.5s, 250ms."""
    number = _read(value)
    if number is None:
        return str(value)
    if not math.isfinite(number) or abs(number) >= 1e15:
        return f"{number:.4g}"
    if abs(number) < 60:
        return f"{humanize(number)}s" if abs(number) < 1 else f"{number:.4g}s"
    rest = int(abs(number))
    parts: list[str] = []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count or parts:
            parts.append(f"{count}{unit}")
    return ("-" if number < 0 else "") + " ".join(parts)


def quantity(number: float, unit: str) -> str:
    """Write a number with its unit: 1.5 GiB of bytes, 92.5% of a ratio, 12ms of seconds.

    What is none is written as Prometheus does, without a unit: NaN, +Inf.
    """
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else f"{number:+}".replace("inf", "Inf")
    known = _QUANTITIES.get(unit)
    if known is not None:
        return known(number)
    # What is less than one is read as it is; nobody reads 975m or 100n of it.
    plain = f"{number:.4g}" if 0 < abs(number) < 1 else humanize(number)
    return f"{plain} {unit}".rstrip()


def _bytes(number: float) -> str:
    scaled = humanize1024(number)
    digits = scaled.rstrip("kMGTPEZYi")
    return f"{digits} {scaled[len(digits) :].upper().replace('I', 'i')}B"


_QUANTITIES: Mapping[str, Callable[[float], str]] = {
    **dict.fromkeys(("bytes", "B"), _bytes),
    **dict.fromkeys(("bytes/s", "B/s"), lambda number: f"{_bytes(number)}/s"),
    **dict.fromkeys(("ratio", "percentunit"), humanize_percentage),
    **dict.fromkeys(("percent", "%"), lambda number: f"{number:.4g}%"),
    **dict.fromkeys(("seconds", "s"), humanize_duration),
    **dict.fromkeys(("celsius", "°C"), lambda number: f"{number:.4g} °C"),
}
"""How a number of each unit is written, by Prometheus' names for units, Grafana's, and signs."""


def _read(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _scale(number: float, step: float, prefixes: tuple[str, ...]) -> str:
    """Divide by `step` until what is left has at most three digits before its point."""
    if not math.isfinite(number):
        return f"{number:.4g}"
    power = 0
    while power + 1 < len(prefixes) and _goes_on(abs(number), step):
        number, power = number / step, power + 1
    return f"{number:.4g}{prefixes[power]}"


def _goes_on(size: float, step: float) -> bool:
    return size >= step if step > 1 else 0 < size < 1


NUMBERS = {
    "humanize": humanize,
    "humanize1024": humanize1024,
    "humanizePercentage": humanize_percentage,
    "humanizeDuration": humanize_duration,
}
"""Filters by the names that Prometheus has for them."""
