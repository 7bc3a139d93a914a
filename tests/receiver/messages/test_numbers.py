import math
from typing import Any

import pytest

from receiver.messages.numbers import NUMBERS, quantity

CASES: list[tuple[str, Any, str]] = [
    ("humanize", 0.0, "0"),
    ("humanize", 1.0, "1"),
    ("humanize", 1234567.0, "1.235M"),
    ("humanize", -1234.5, "-1.234k"),
    ("humanize", 0.12, "120m"),
    ("humanize", 1e-9, "1n"),
    ("humanize", "0.00042", "420u"),
    ("humanize", math.inf, "inf"),
    ("humanize", 1e300, "1e+276Y"),
    ("humanize1024", 1.0, "1"),
    ("humanize1024", 1048576.0, "1Mi"),
    ("humanize1024", "1610612736", "1.5Gi"),
    ("humanize1024", 0.12, "0.12"),
    ("humanizePercentage", 0.12345, "12.35%"),
    ("humanizePercentage", "-1.5", "-150%"),
    ("humanizeDuration", 0, "0s"),
    ("humanizeDuration", 0.1, "100ms"),
    ("humanizeDuration", 12.345, "12.35s"),
    ("humanizeDuration", 60, "1m 0s"),
    ("humanizeDuration", "3600", "1h 0m 0s"),
    ("humanizeDuration", 86400 + 2 * 3600 + 5, "1d 2h 0m 5s"),
    ("humanizeDuration", -3601, "-1h 0m 1s"),
    ("humanizeDuration", math.nan, "nan"),
]


@pytest.mark.parametrize(("name", "value", "said"), CASES)
def test_numbers_read_as_prometheus_writes_them(name: str, value: Any, said: str) -> None:
    assert NUMBERS[name](value) == said


@pytest.mark.parametrize(
    ("number", "unit", "said"),
    [
        (math.nan, "bytes", "NaN"),
        (math.inf, "seconds", "+Inf"),
        (-math.inf, "", "-Inf"),
        (1e-7, "", "1e-07"),
        (0.0, "", "0"),
        (0.05048, "ratio", "5.048%"),
    ],
)
def test_a_quantity_reads_well_however_small_or_none_it_is(
    number: float, unit: str, said: str
) -> None:
    assert quantity(number, unit) == said


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ["", "97.3 %", "1e999x", "**", None, [1]])
def test_what_is_no_number_stays_as_it_is(name: str, value: Any) -> None:
    assert NUMBERS[name](value) == str(value)
