"""All host collectors on the fixture host, against the page that is checked in."""

from pathlib import Path

import pytest

from exporter.collectors import COLLECTORS
from exporter.collectors.contract import Paths
from exporter.model import NoData
from tests.exporter.collectors.page import (
    FIXTURES,
    HOST_COLLECTORS,
    fixture_samples,
    make_rootfs,
    render,
)

GOLDEN = Path(__file__).parents[1] / "golden/host.prom"


def test_the_fixture_host_yields_the_golden_page(tmp_path: Path) -> None:
    assert render(fixture_samples(make_rootfs(tmp_path))) == GOLDEN.read_text()


def test_no_series_appears_twice_and_every_sample_has_its_labels(tmp_path: Path) -> None:
    samples = fixture_samples(make_rootfs(tmp_path))
    assert len({(s.metric.name, s.labels) for s in samples}) == len(samples)
    assert all(len(s.labels) == len(s.metric.labels) for s in samples)


def test_a_name_stands_for_one_family(tmp_path: Path) -> None:
    families = {s.metric for s in fixture_samples(make_rootfs(tmp_path))}
    assert len({metric.name for metric in families}) == len(families)


@pytest.mark.parametrize("name", [n for n in HOST_COLLECTORS if n not in {"netclass", "uname"}])
def test_a_host_without_the_file_has_no_data(name: str, tmp_path: Path) -> None:
    nowhere = Paths(tmp_path, tmp_path, tmp_path)
    with pytest.raises(NoData, match=r"does not exist|has no pressure stall information"):
        list(COLLECTORS[name]().collect(nowhere))


@pytest.mark.parametrize("name", HOST_COLLECTORS)
def test_a_collector_reads_the_same_twice(name: str, tmp_path: Path) -> None:
    paths = Paths(FIXTURES / "proc", FIXTURES / "sys", tmp_path)
    collector = COLLECTORS[name]()
    assert list(collector.collect(paths)) == list(collector.collect(paths))
