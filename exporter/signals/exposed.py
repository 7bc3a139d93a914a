"""Signals that the configuration names: any exposed metric, narrowed by matchers."""

from collections.abc import Iterator, Sequence

from exporter.model import Labels, Sample
from exporter.settings import Matcher
from exporter.signals.contract import Page, Reading, own_labels

_Identity = tuple[tuple[str, ...], tuple[str, ...]]


class Exposed:
    """The series of one metric that satisfy all matchers; a counter is read as a rate."""

    def __init__(self, metric: str, match: Sequence[Matcher] = ()) -> None:
        self._metric = metric
        self._match = tuple(match)
        self._verdicts: dict[_Identity, Labels | None] = {}

    def __call__(self, page: Page) -> Iterator[Reading]:
        """Yield every series that matches."""
        before, self._verdicts = self._verdicts, {}
        for sample in page.get(self._metric, ()):
            identity = (sample.metric.labels, sample.labels)
            # Each series is matched once, not at every tick: patterns are what costs here.
            labels = before[identity] if identity in before else self._matched(sample)
            self._verdicts[identity] = labels
            if labels is not None:
                yield Reading(labels, sample.value, sample.metric.kind)

    def _matched(self, sample: Sample) -> Labels | None:
        """Return the labels of a series that matches, None for another."""
        labels = own_labels(sample)
        matched = all(matcher.matches(dict(labels)) for matcher in self._match)
        return labels if matched else None
