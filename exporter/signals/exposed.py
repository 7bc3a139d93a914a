"""Signals that the configuration names: any exposed metric, narrowed by matchers."""

from collections.abc import Iterator, Sequence

from exporter.model import Labels, Sample
from exporter.settings import Matcher
from exporter.signals.contract import Page, Reading, own_labels


class Exposed:
    """The series of one metric that satisfy all matchers; a counter is read as a rate."""

    def __init__(self, metric: str, match: Sequence[Matcher] = ()) -> None:
        self._metric = metric
        self._match = tuple(match)
        self._verdicts: dict[Labels, bool] = {}

    def __call__(self, page: Page) -> Iterator[Reading]:
        """Yield every series that matches."""
        labelled = [(own_labels(sample), sample) for sample in page.get(self._metric, ())]
        self._verdicts = {labels: self._verdict(labels) for labels, _ in labelled}
        for labels, sample in labelled:
            if self._verdicts[labels]:
                yield _reading(labels, sample)

    def _verdict(self, labels: Labels) -> bool:
        """Match each series once, not at every tick: patterns are what costs here."""
        known = self._verdicts.get(labels)
        if known is not None:
            return known
        return all(matcher.matches(dict(labels)) for matcher in self._match)


def _reading(labels: Labels, sample: Sample) -> Reading:
    return Reading(labels, sample.value, sample.metric.kind)
