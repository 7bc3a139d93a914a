"""How many false alarms a week each series may raise, from what people configured and said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from exporter.model import FloatArray, Labels, SeriesKey
from exporter.quality.records import Identity, identity
from exporter.settings import LEAST_ALARMS, MOST_ALARMS

Place = tuple[str, Labels | None]
"""A signal, and the labels of one of its series, or None for all of them."""
Origin = Literal["series", "signal", "configuration", "default"]
"""Who decided: somebody for one series, somebody for a signal, its entry, or the default."""


class Wish(NamedTuple):
    """How many false alarms a week are accepted, and who decided that."""

    alarms_a_week: float
    origin: Origin


@dataclass(frozen=True, slots=True)
class Wishes:
    """False alarms a week that are accepted: by default, by signal, and by series."""

    default: float = 1.0
    configured: Mapping[str, float] = field(default_factory=dict)
    """What the configuration says of signals."""
    settings: Mapping[Place, float] = field(default_factory=dict)
    """What people set since; goes before the configuration, and a series before its signal."""
    factors: Mapping[Identity, float] = field(default_factory=dict)
    """By how much labels change it for a series."""

    def of_signal(self, signal: str) -> float:
        """Return what holds for those series of a signal of which nothing else is said."""
        return self.wish(signal).alarms_a_week

    def wish(self, signal: str, labels: Labels | None = None) -> Wish:
        """Return what was decided of a signal or one of its series, before labels change it."""
        if labels is not None and (signal, labels) in self.settings:
            return Wish(self.settings[signal, labels], "series")
        if (signal, None) in self.settings:
            return Wish(self.settings[signal, None], "signal")
        if signal in self.configured:
            return Wish(self.configured[signal], "configuration")
        return Wish(self.default, "default")

    def of_series(self, series: Identity) -> float:
        """Return what holds for one series."""
        own = self.wish(*series).alarms_a_week
        return min(max(own * self.factors.get(series, 1.0), LEAST_ALARMS), MOST_ALARMS)

    def of_all(self, keys: Sequence[SeriesKey]) -> FloatArray:
        """Return what holds for each of many series, shape (series,)."""
        signals = {*self.configured, *(signal for signal, _ in self.settings)}
        said = {signal: self.of_signal(signal) for signal in signals}
        alarms: FloatArray = np.array([said.get(key.signal, self.default) for key in keys], float)
        special = {signal for signal, labels in self.settings if labels is not None}
        special |= {signal for signal, _ in self.factors}
        for place, key in enumerate(keys):
            if key.signal in special:
                alarms[place] = self.of_series(identity(key.signal, dict(key.labels)))
        return alarms
