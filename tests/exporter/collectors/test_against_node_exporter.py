"""Our page beside the real node_exporter's, on this host, at the same moment."""

import re
from collections.abc import Iterable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.collectors import COLLECTORS
from exporter.collectors.contract import Paths
from exporter.model import NoData, Sample
from tests.exporter.collectors import peer

pytestmark = pytest.mark.skipif(
    peer.BINARY is None, reason="Debian's prometheus-node-exporter is not installed"
)

# What node_exporter has on some host and we leave out, each with its reason.
LEFT_OUT = {
    r"(go|promhttp|node_exporter)_.*": "about node_exporter itself",
    r"node_scrape_collector_.*": "ours are tocsin_collector_*",
    r"process_virtual_memory_max_bytes": "Python's client library does not have it",
    r"process_network_.*": "Python's client library does not have it",
    r"node_network_receive_nohandler_total": "only netlink has it, /proc/net/dev has not",
    r"node_network_(address_assign_type|carrier|carrier_(up_|down_)?changes_total|device_id)": (
        "twenty sysfs reads for each device and scrape, which no usual rule reads"
    ),
    r"node_network_(dormant|flags|iface_(id|link|link_mode)|info|name_assign_type)": "likewise",
    r"node_network_(net_dev_group|protocol_type|transmit_queue_length)": "likewise",
    r"node_cpu_(core|package)_throttles_total": "sysfs reads for each CPU; temperature is hwmon's",
    r"node_cpu_(isolated|online)": "newer releases only; online is to have a node_cpu_seconds",
    r"node_filesystem_(mount_info|purgeable_bytes)": "newer releases only, or macOS only",
}
# What newer releases have and Debian's has not.
NEWER = {"node_pressure_irq_stalled_seconds_total"}
# Labels that newer releases fill differently: the serials of virtio and SCSI disks.
NEWER_LABELS = {"serial", "rotational", "device_error"}
STABLE = re.compile(
    r"node_(boot_time_seconds|memory_MemTotal_bytes|memory_SwapTotal_bytes|filefd_maximum"
    r"|filesystem_(size_bytes|files|readonly|device_error)|disk_info|network_(up|mtu_bytes)"
    r"|network_speed_bytes|uname_info)"
)
TICK = 0.02  # the kernel's CPU times are in hundredths, and idle ones may step back by one

Labels = frozenset[tuple[str, str]]
Page = dict[str, tuple[str, dict[Labels, float]]]


def _labels(pairs: Iterable[tuple[str, str]]) -> Labels:
    """Drop empty labels, which to Prometheus are no labels."""
    return frozenset((k, v) for k, v in pairs if v and k not in NEWER_LABELS)


def _theirs(text: str) -> Page:
    page: Page = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if not any(re.fullmatch(pattern, sample.name) for pattern in LEFT_OUT):
                series = page.setdefault(sample.name, (family.type, {}))[1]
                series[_labels(sample.labels.items())] = sample.value
    return page


def _collect() -> Iterable[Sample]:
    for name, collector in COLLECTORS.items():
        try:
            yield from list(collector().collect(Paths()))
        except NoData:
            assert name in {"portable", "pressure"}


def _ours() -> Page:
    page: Page = {}
    for metric, values, value in _collect():
        series = page.setdefault(metric.name, (metric.kind, {}))[1]
        series[_labels(zip(metric.labels, values, strict=True))] = value
    return page


@pytest.fixture(scope="module")
def pages() -> tuple[Page, Page, Page]:
    """Theirs before, ours, theirs after."""
    with peer.node_exporter() as node:
        before = _theirs(node.scrape())
        ours = _ours()
        return before, ours, _theirs(node.scrape())


def test_the_families_are_the_same_but_for_what_is_left_out(pages: tuple[Page, Page, Page]) -> None:
    theirs, ours, _ = pages
    assert set(theirs) - set(ours) == set()
    assert set(ours) - set(theirs) <= NEWER


def test_types_label_names_and_series_are_the_same(pages: tuple[Page, Page, Page]) -> None:
    theirs, ours, _ = pages
    for name, (kind, series) in theirs.items():
        assert (name, ours[name][0]) == (name, kind)
        assert (name, set(ours[name][1])) == (name, set(series))


def test_every_counter_lies_between_theirs_before_and_theirs_after(
    pages: tuple[Page, Page, Page],
) -> None:
    before, ours, after = pages
    compared = 0
    for name, (kind, series) in before.items():
        if kind == "counter" and not name.startswith("process_"):
            for labels, low in series.items():
                value, high = ours[name][1][labels], after[name][1][labels]
                assert low - TICK <= value <= high + TICK, (name, labels)
                compared += 1
    assert compared > 50


def test_what_does_not_change_has_the_same_value(pages: tuple[Page, Page, Page]) -> None:
    theirs, ours, _ = pages
    stable = {name for name in theirs if STABLE.fullmatch(name)}
    assert {"node_memory_MemTotal_bytes", "node_boot_time_seconds", "node_uname_info"} <= stable
    for name in stable:
        assert (name, ours[name][1]) == (name, theirs[name][1])
