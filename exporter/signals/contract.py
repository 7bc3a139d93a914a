"""What a source of signals is: a pure function from the samples of one moment to readings."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from exporter.model import Kind, Labels, Sample

Page = Mapping[str, Sequence[Sample]]
"""The samples of one moment by the name of their metric."""


class Reading(NamedTuple):
    """One series' raw value; a counter becomes a rate per second on its way into the block."""

    labels: Labels
    value: float
    kind: Kind = "gauge"
    members: int = 1
    """Of how many parts a counter is made; where their number changes, its rate starts anew."""


class Source(Protocol):
    """Where a signal's values come from; yields nothing where the metrics are not there."""

    def __call__(self, page: Page, /) -> Iterable[Reading]:
        """Read one value for each series of the signal."""
        ...


def own_labels(sample: Sample, *names: str) -> Labels:
    """Return the sample's labels, or those of them that are named; an empty one is no label."""
    pairs = zip(sample.metric.labels, sample.labels, strict=True)
    return tuple((name, value) for name, value in pairs if value and (not names or name in names))


def by_labels(samples: Iterable[Sample], *names: str) -> dict[Labels, float]:
    """Index values by the named labels, for joining two metrics of one source."""
    return {own_labels(sample, *names): sample.value for sample in samples}
