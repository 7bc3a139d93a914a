"""Which series an answer has, found out once and not at every tick."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from sys import intern

import numpy as np
from numpy.typing import NDArray

from exporter.model import SeriesKey
from exporter.prometheus.client import ERROR, QueryError

_AT_ONCE = 1024
"""Label sets that are read in one go: as JSON objects they take more than a kilobyte each."""


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
    Raises QueryError where a label set is none.
    """
    if labels == before.labels:
        return before
    named = name_series(signal, labels, before.named)
    first: dict[SeriesKey, int] = {}
    for place, text in enumerate(labels):
        first.setdefault(named[text], place)
    keys = tuple(first) if len(first) <= limit else tuple(sorted(first)[:limit])
    if len(keys) == len(before.keys) and set(keys) == set(before.keys):
        keys = before.keys
    places = np.fromiter((first[key] for key in keys), np.intp, len(keys))
    return Layout(labels, named, keys, places, len(labels) - len(first), len(first) - len(keys))


def name_series(
    signal: str, labels: Sequence[bytes], known: Mapping[bytes, SeriesKey]
) -> dict[bytes, SeriesKey]:
    """Return the key of each label set; those not known yet are read, many in one go."""
    new = [text for text in labels if text not in known]
    named = {text: known[text] for text in labels if text in known}
    once: dict[tuple[str, str], tuple[str, str]] = {}
    try:
        for start in range(0, len(new), _AT_ONCE):
            some = new[start : start + _AT_ONCE]
            sets = json.loads(b"[" + b",".join(some) + b"]")
            both = zip(some, sets, strict=True)
            named.update((text, _series(signal, pairs, once)) for text, pairs in both)
    except (ValueError, TypeError, AttributeError) as error:
        raise QueryError(ERROR, f"labels that are none: {error}") from error
    return named


def _series(
    signal: str, labels: Mapping[str, str], once: dict[tuple[str, str], tuple[str, str]]
) -> SeriesKey:
    """Make a key. Few names and values make many series, so each pair is kept in `once` only."""
    pairs = [(intern(name), intern(value)) for name, value in labels.items()]
    kept = (pair for pair in pairs if pair[1] and pair[0] != "__name__")
    return SeriesKey(signal, tuple(once.setdefault(pair, pair) for pair in kept))
