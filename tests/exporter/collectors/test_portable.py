"""The host by way of psutil, and the exporter's own process."""

import os
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from exporter.collectors import portable
from exporter.collectors.contract import Paths
from exporter.collectors.cpu import Cpu
from exporter.collectors.meminfo import Meminfo
from exporter.collectors.portable import Portable
from exporter.collectors.process import PROCESS, Process
from exporter.fence import Fence
from exporter.model import NoData, Sample
from tests.exporter.collectors.page import FIXTURES, fixture_samples, make_rootfs


def test_it_is_silent_where_the_kernel_can_be_read_directly() -> None:
    with pytest.raises(NoData, match="the other collectors read it directly"):
        list(Portable().collect(Paths(procfs=FIXTURES / "proc")))


@pytest.fixture
def no_proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """A system whose usual place of procfs is empty."""
    paths = Paths(procfs=tmp_path)
    monkeypatch.setattr(portable, "Paths", lambda: paths)
    return paths


def test_without_proc_it_has_every_kind_of_figure_by_the_same_families(
    no_proc: Paths, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    found = {s.metric for _ in range(2) for s in Portable().collect(no_proc)}
    assert caplog.messages == [
        f"there is no {tmp_path}: psutil gives the host's figures, as far as it has them"
    ]
    assert found <= {s.metric for s in fixture_samples(make_rootfs(tmp_path))}
    assert {
        "node_cpu_seconds_total",
        "node_memory_MemTotal_bytes",
        "node_memory_MemAvailable_bytes",
        "node_memory_SwapFree_bytes",
        "node_load1",
        "node_filesystem_avail_bytes",
        "node_filesystem_readonly",
        "node_network_receive_bytes_total",
        "node_boot_time_seconds",
    } <= {metric.name for metric in found}


def _by_series(samples: list[Sample]) -> dict[tuple[str, tuple[str, ...]], float]:
    return {(s.metric.name, s.labels): s.value for s in samples}


async def test_a_procfs_that_is_none_is_trouble_and_no_view_of_another_system(
    tmp_path: Path,
) -> None:
    """As in a container whose mount of the host's /proc is an empty folder."""
    fence = Fence({"portable": Portable()}, {"portable": 5.0}, Paths(procfs=tmp_path))
    samples = await fence.collect()
    figures = {s.metric.name: s.value for s in samples}
    assert figures.keys() == {"tocsin_collector_duration_seconds", "tocsin_collector_success"}
    assert figures["tocsin_collector_success"] == 0
    assert f"{tmp_path} is no procfs" in fence.troubles["portable"]


def test_its_figures_are_those_of_the_kernel(no_proc: Paths) -> None:
    raw = _by_series([*Cpu().collect(Paths()), *Meminfo().collect(Paths())])
    ours = _by_series(list(Portable().collect(no_proc)))
    total = ("node_memory_MemTotal_bytes", ())
    idle = ("node_cpu_seconds_total", ("0", "idle"))
    assert ours[total] == raw[total]
    assert ours[idle] == pytest.approx(raw[idle], abs=5)


def test_a_partition_that_cannot_be_asked_is_an_error_of_its_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(1, "Device not ready", path)

    part = SimpleNamespace(device="D:", mountpoint="D:\\", fstype="", opts="cdrom,ro")
    monkeypatch.setattr(psutil, "disk_partitions", lambda: [part])
    monkeypatch.setattr(psutil, "disk_usage", refuse)
    assert [(s.metric.name, s.labels, s.value) for s in portable.filesystems()] == [
        ("node_filesystem_readonly", ("D:", "D:\\", ""), 1),
        ("node_filesystem_device_error", ("D:", "D:\\", "", "device not ready"), 1),
    ]


def test_the_process_measures_itself() -> None:
    values = {s.metric.name: s.value for s in Process().collect(Paths())}
    assert values.keys() == PROCESS.keys()
    assert values["process_resident_memory_bytes"] == pytest.approx(
        psutil.Process().memory_info().rss, rel=0.2
    )
    assert values["process_start_time_seconds"] < time.time()
    assert values["process_open_fds"] >= 1
    assert values["process_cpu_seconds_total"] == pytest.approx(sum(os.times()[:2]), abs=1)
