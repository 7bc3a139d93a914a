"""Which series an answer has, found out once and not at every tick."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from sys import intern

import numpy as np
from numpy.typing import NDArray

from exporter.model import SeriesKey


@dataclass(frozen=True, slots=True)
class Layout:
    """The series of a signal, and where in an answer each stands."""

    labels: Sequence[bytes] = ()
    """The label sets of the answer as it spells them."""
    named: Mapping[bytes, SeriesKey] = field(default_factory=dict)
    keys: tuple[SeriesKey, ...] = ()
    places: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, np.intp))
    """Of each key its place in the answer."""
    duplicates: int = 0
    beyond: int = 0
    """How many series the signal's limit left out."""


def arrange(signal: str, labels: Sequence[bytes], limit: int, before: Layout) -> Layout:
    """Lay out an answer; where it has the series of `before` in any order, `keys` is the same.

    The metric's name is no label of a signal, so series may fall together: the first one stands.
    Of too many the first by their labels are kept, so that the order of the answer decides nothing.
    """
    if labels == before.labels:
        return before
    named = {text: before.named.get(text) or read_series(signal, text) for text in labels}
    first: dict[SeriesKey, int] = {}
    for place, text in enumerate(labels):
        first.setdefault(named[text], place)
    keys = tuple(first) if len(first) <= limit else tuple(sorted(first)[:limit])
    if len(keys) == len(before.keys) and set(keys) == set(before.keys):
        keys = before.keys
    places = np.fromiter((first[key] for key in keys), np.intp, len(keys))
    return Layout(labels, named, keys, places, len(labels) - len(first), len(first) - len(keys))


def read_series(signal: str, text: bytes) -> SeriesKey:
    """Read a label set in JSON. Few names and values make many series, so each is kept once."""
    pairs = json.loads(text).items()
    kept = ((intern(name), intern(value)) for name, value in pairs if value and name != "__name__")
    return SeriesKey(signal, tuple(kept))
