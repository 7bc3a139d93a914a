"""What flows between the rooms of the exporter; imports nothing of ours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Kind = Literal["counter", "gauge"]
Labels = tuple[tuple[str, str], ...]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
LeftOut = Mapping[str, Mapping[str, int]]
"""Of signals, by name: how many series the latest tick left out, by reason."""


class ConfigError(Exception):
    """A configuration that cannot be used; `problems` has one line for each thing wrong."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class NoData(Exception):  # noqa: N818 -- not an error: the source does not exist on this host
    """A collector's source is not there, which is no failure."""


_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@lru_cache(maxsize=65536)
def label_text(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    """Render a label set like `labels_of`, and remember it for the next scrape."""
    return labels_of(names, values)


def labels_of(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    """Render a label set as the text format has it between the braces.

    Bytes that are no UTF-8, which file names may hold, become question marks, because
    Prometheus refuses a whole page for one of them.
    """
    pairs = (
        f'{name}="{value.translate(_ESCAPES)}"' for name, value in zip(names, values, strict=True)
    )
    text = ",".join(pairs)
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric family: its name, help text, kind and label names."""

    name: str
    help: str
    kind: Kind = "gauge"
    labels: tuple[str, ...] = ()

    def sample(self, value: float, *label_values: str) -> "Sample":
        """Make one sample; `label_values` stand in the order of `labels`."""
        if len(label_values) != len(self.labels):
            raise ValueError(f"{self.name} takes labels {self.labels}, got {label_values}")
        return Sample(self, label_values, value)


class Sample(NamedTuple):
    """One value of one series, measured just now."""

    metric: Metric
    labels: tuple[str, ...]
    value: float


class SeriesKey(NamedTuple):
    """What makes a signal's series itself: the signal's name and the series' own labels."""

    signal: str
    labels: Labels = ()


def series_text(key: SeriesKey, **ours: str) -> str:
    """Render the labels of a signal's series, `signal` and `ours` first.

    An own label of such a name makes room, as in a scrape.
    """
    own = dict(key.labels)
    names = ("signal", *ours)
    for name in names:
        if name in own:
            free = f"exported_{name}"
            while free in own:
                free = f"exported_{free}"
            own[free] = own.pop(name)
    return labels_of((*names, *own), (key.signal, *ours.values(), *own.values()))


@dataclass(frozen=True, slots=True)
class Block:
    """The latest value of each of many series; every field has one entry for each series.

    NaN is a missing value. `times` says when each was measured, in seconds since 1970. While
    the same series are there, `keys` is the very same tuple, so that its readers can cache by
    identity.
    """

    keys: tuple[SeriesKey, ...]
    values: FloatArray
    times: FloatArray


@dataclass(frozen=True, slots=True)
class Score:
    """What the detectors think of a block; shape (series,), NaN where they are silent.

    `deviation` and `novelty` are in units of the alarm line: 0 is ordinary, 1 is the line.
    `residual` is the signed innovation of the local level in its usual scatters. `expected`,
    `lower` and `upper` are in the signal's own unit. `view` tells who spoke loudest: an index
    into the engine's list of speakers, -1 where nobody did.
    """

    deviation: FloatArray
    novelty: FloatArray
    residual: FloatArray
    expected: FloatArray
    lower: FloatArray
    upper: FloatArray
    view: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Column:
    """One metric of many series: `labels` are rendered label sets, `values` has their length.

    A NaN in `values` is not exposed. Of a value `digits` are, or all that it has.
    """

    metric: Metric
    labels: tuple[str, ...]
    values: FloatArray
    digits: int | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one tick found out; replaced as a whole by the next."""

    timestamp: float
    columns: tuple[Column, ...] = ()
    samples: tuple[Sample, ...] = ()
