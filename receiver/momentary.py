"""Series that are looked up for each scrape: how the store and those on call stand now."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


@dataclass(frozen=True, slots=True)
class Backlog:
    """What only the store knows, looked up for one scrape; `up` says whether it answered.

    `owed` counts messages and `oldest` says how many seconds the oldest waits, by channel;
    `on_call` is whom each schedule has, empty where nobody; `verdicts` counts what people said by
    rule and verdict.
    """

    up: bool
    owed: Mapping[str, int] = field(default_factory=dict)
    oldest: Mapping[str, float] = field(default_factory=dict)
    incidents: Mapping[str, int] = field(default_factory=dict)
    damaged: int = 0
    on_call: Mapping[str, str] = field(default_factory=dict)
    verdicts: Mapping[tuple[str, str], int] = field(default_factory=dict)


class Momentary(Collector):
    """Series that live for one scrape, so that what is gone is not exported any longer."""

    def __init__(self) -> None:
        self.backlog = Backlog(up=False)
        self.errors: dict[str, str] = {}

    def collect(self) -> Iterator[Metric]:
        """Yield them; prometheus_client asks for them at each scrape."""
        yield GaugeMetricFamily(
            "tocsin_store_up", "Whether the store could be written at this scrape.", self.backlog.up
        )
        yield GaugeMetricFamily(
            "tocsin_store_damaged_files",
            "Files of the store that were found damaged at a start, and still lie beside it.",
            self.backlog.damaged,
        )
        for name, text, label, values in (
            ("queue_deliveries", "Messages owed to a channel.", "channel", self.backlog.owed),
            (
                "queue_oldest_seconds",
                "Seconds since the oldest message owed to a channel was accepted.",
                "channel",
                self.backlog.oldest,
            ),
            ("incidents", "Incidents by state.", "state", self.backlog.incidents),
        ):
            family = GaugeMetricFamily(f"tocsin_{name}", text, labels=[label])
            for value, number in values.items():
                family.add_metric([value], number)
            yield family
        yield from self._on_call()
        yield self._said()
        last = GaugeMetricFamily(
            "tocsin_channel_last_error_info",
            "What a channel's last attempt failed with; absent once one succeeded.",
            labels=["channel", "error"],
        )
        for channel, error in self.errors.items():
            last.add_metric([channel, error], 1)
        yield last

    def _said(self) -> Metric:
        said = GaugeMetricFamily(
            "tocsin_alert_verdicts",
            "What people said of a rule's alerts of the last 30 days.",
            labels=["rule", "verdict"],
        )
        for pair, number in self.backlog.verdicts.items():
            said.add_metric(pair, number)
        return said

    def _on_call(self) -> Iterator[Metric]:
        people = GaugeMetricFamily(
            "tocsin_on_call", "1 for whoever is on call.", labels=["schedule", "person"]
        )
        gap = GaugeMetricFamily(
            "tocsin_on_call_gap", "1 while nobody is on call by a schedule.", labels=["schedule"]
        )
        for schedule, person in self.backlog.on_call.items():
            gap.add_metric([schedule], not person)
            if person:
                people.add_metric([schedule, person], 1)
        yield from (people, gap)
