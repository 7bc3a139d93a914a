"""The section `reports`: when they are sent, to whom, and which signals they look at."""

import re
from collections.abc import Mapping
from datetime import time
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationInfo,
    field_validator,
    model_validator,
)

from receiver.reports.due import Kind, Times
from receiver.settings import Section

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOUR = 60
_MOST_SIGNALS = 20


def _read_clock(value: Any) -> time:
    """Read `09:00`; YAML takes 10:30 without quotes for the number of its minutes."""
    if type(value) is int and 0 <= value < 24 * _HOUR:
        return time(*divmod(value, _HOUR))
    found = _CLOCK.fullmatch(str(value))
    if not found:
        raise ValueError(f"no time of the day: {value!r:.40}; write it like '09:00'")
    return time(int(found[1]), int(found[2]))


def _check_channels(names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    known = (info.context or {}).get("channels", ())
    for name in names:
        if name not in known:
            raise ValueError(f"no channel is named {name!r}; there are {', '.join(known)}")
    return names


Clock = Annotated[
    time,
    BeforeValidator(_read_clock),
    PlainSerializer(lambda at: f"{at:%H:%M}", return_type=str),
]


class Daily(Section):
    """A report each day, at a time of the receiver's zone."""

    at: Clock = time(9)
    channels: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_check_channels)]

    @property
    def times(self) -> Times:
        """When it is due."""
        return Times(self.at)


class Weekly(Daily):
    """A report each week, on a day."""

    on: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"] = "mon"

    @model_validator(mode="before")
    @classmethod
    def _read_on(cls, value: Any) -> Any:
        """Take the key that YAML has for `on`, which to it is a word for true."""
        if isinstance(value, Mapping) and True in value:
            return {("on" if key is True else key): each for key, each in value.items()}
        return value

    @property
    def times(self) -> Times:
        """When it is due."""
        return Times(self.at, _DAYS.index(self.on))


class Signal(Section):
    """A signal that reports look at: an expression with one value for each series at a time.

    `full` is the value at which there is no more of it.
    """

    name: Annotated[str, Field(min_length=1, max_length=60)]
    promql: Annotated[str, Field(min_length=1, max_length=2_000)]
    unit: Annotated[str, Field(max_length=16)] = ""
    full: float | None = None


_DISKS = 'fstype!~"tmpfs|ramfs|overlay|squashfs|iso9660|fuse.*"'
_CARDS = 'device!~"lo|veth.*|br.*"'
SIGNALS = (
    Signal(
        name="CPU",
        promql='1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m]))',
        unit="ratio",
    ),
    Signal(
        name="memory",
        promql="1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes",
        unit="ratio",
    ),
    Signal(
        name="disk time",
        promql="max by (instance) (rate(node_disk_io_time_seconds_total[5m]))",
        unit="ratio",
    ),
    Signal(
        name="network in",
        promql=f"sum by (instance) (rate(node_network_receive_bytes_total{{{_CARDS}}}[5m]))",
        unit="bytes/s",
    ),
    Signal(
        name="filesystem",
        promql=(
            f"1 - max by (instance, mountpoint) (node_filesystem_avail_bytes{{{_DISKS}}})"
            f" / max by (instance, mountpoint) (node_filesystem_size_bytes{{{_DISKS}}})"
        ),
        unit="ratio",
        full=1.0,
    ),
)
"""What every host has, by node_exporter's names, which are the exporter's too."""


class Reports(Section):
    """When which report is sent; without, each can still be looked at, as if it were due then."""

    daily: Daily | None = None
    weekly: Weekly | None = None
    signals: Annotated[tuple[Signal, ...], Field(max_length=_MOST_SIGNALS)] = SIGNALS

    @field_validator("signals")
    @classmethod
    def _check_names(cls, signals: tuple[Signal, ...]) -> tuple[Signal, ...]:
        names = [signal.name for signal in signals]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two signals are named {name!r}; rename one of them")
        return signals

    def times(self, kind: Kind) -> Times:
        """When a report is due; where it is not sent, as by default."""
        if kind == "daily":
            return self.daily.times if self.daily else Times(time(9))
        return self.weekly.times if self.weekly else Times(time(9), 0)

    def sent(self) -> dict[Kind, tuple[str, ...]]:
        """Return the reports that are sent, with their channels."""
        plans: dict[Kind, Daily | None] = {"daily": self.daily, "weekly": self.weekly}
        return {kind: plan.channels for kind, plan in plans.items() if plan}
