"""Disks and network devices: parsers, filters, and which network a container reads."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from exporter.collectors.contract import Paths
from exporter.collectors.diskstats import Disk, Diskstats, activity, parse_diskstats
from exporter.collectors.netclass import Link, Netclass, parse_link
from exporter.collectors.netdev import Device, Netdev, parse_netdev
from exporter.collectors.patterns import ByDevice
from exporter.collectors.udev import parse_udev
from tests.exporter.collectors.page import FIXTURES

HEADING = (FIXTURES / "proc/net/dev").read_text().splitlines(keepends=True)[:2]
SIXTEEN = tuple(range(1, 17))


def test_a_disk_has_a_name_numbers_and_counts() -> None:
    assert list(parse_diskstats("   8       1 sda1 1 2 3\n")) == [
        Disk("sda1", ("8", "1"), (1, 2, 3))
    ]


def test_sectors_become_bytes_and_milliseconds_seconds() -> None:
    samples = activity(Disk("sda", ("8", "0"), (5, 0, 3, 1500)))
    assert [(s.metric.name, s.value) for s in samples] == [
        ("node_disk_reads_completed_total", 5),
        ("node_disk_reads_merged_total", 0),
        ("node_disk_read_bytes_total", 1536),
        ("node_disk_read_time_seconds_total", 1.5),
    ]


@pytest.mark.parametrize(
    ("device", "wanted"),
    [
        *[(name, True) for name in ("sda", "nvme0n1", "dm-0", "md127", "sr0", "mmcblk0p1")],
        *[(name, False) for name in ("sda1", "xvdb3", "nvme0n1p2", "loop7", "zram0", "ram3")],
    ],
)
def test_partitions_and_memory_disks_are_left_out(device: str, wanted: bool) -> None:  # noqa: FBT001 -- a table
    assert Diskstats().wants(device) is wanted


@pytest.mark.parametrize(
    ("record", "serial"),
    [
        ("", ""),
        ("E:ID_SERIAL=long\n", "long"),
        ("E:ID_SERIAL=long\nE:ID_SERIAL_SHORT=short\n", "short"),
        ("E:ID_SERIAL_SHORT=short\nE:SCSI_IDENT_SERIAL=printed\n", "printed"),
        ("E:ID_SERIAL_SHORT=\nE:ID_SERIAL=long\n", "long"),
    ],
)
def test_the_serial_is_the_one_printed_on_the_disk_where_it_is_known(
    record: str, serial: str
) -> None:
    (info,) = parse_udev("sda", ("8", "0"), record)
    assert dict(zip(info.metric.labels, info.labels, strict=True))["serial"] == serial


def test_ata_figures_are_only_an_ata_disks() -> None:
    assert len(list(parse_udev("sda", ("8", "0"), "E:ID_ATA_WRITE_CACHE=1\n"))) == 1


def test_a_network_device_is_read_below_the_heading() -> None:
    line = f"  eth0:{' '.join(map(str, SIXTEEN))}\n"
    assert list(parse_netdev("".join([*HEADING, line]))) == [Device("eth0", SIXTEEN)]


def test_an_alias_keeps_its_colon() -> None:
    assert [d.name for d in parse_netdev(f"eth0:1: {' '.join(map(str, SIXTEEN))}\n")] == ["eth0:1"]


@pytest.mark.parametrize("line", ["eth0: 1 2 3", " : " + " ".join(map(str, SIXTEEN))])
def test_a_malformed_network_device_raises_with_the_place(line: str) -> None:
    with pytest.raises(ValueError, match=r"^net/dev: line 3: .*a name and 16 numbers are expected"):
        list(parse_netdev("".join([*HEADING, line])))


def test_a_malformed_disk_raises_with_the_place() -> None:
    with pytest.raises(ValueError, match=r"^diskstats: line 1: '8 0 sda x': invalid literal"):
        list(parse_diskstats("8 0 sda x\n"))


def test_the_network_is_inits_and_our_own_where_that_cannot_be_read(tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "proc", tmp_path, dirs_exist_ok=True)
    paths = Paths(procfs=tmp_path)
    assert {s.labels for s in Netdev().collect(paths)} == {("lo",), ("eth0",), ("wlan0",)}
    shutil.rmtree(tmp_path / "1")
    assert {s.labels for s in Netdev().collect(paths)} == {("container0",)}


@pytest.mark.parametrize("make", [Netdev, Netclass])
def test_devices_that_are_excluded_do_not_appear(make: Callable[..., ByDevice]) -> None:
    collector = make(exclude_devices=["lo", "wl.*"])
    assert isinstance(collector, Netdev | Netclass)
    paths = Paths(FIXTURES / "proc", FIXTURES / "sys")
    assert {s.labels for s in collector.collect(paths)} == {("eth0",)}


@pytest.mark.parametrize(
    ("operstate", "speed", "link"),
    [
        ("up\n", "10000\n", Link("eth0", up=True, mtu=1500, megabits=10000)),
        ("unknown\n", None, Link("eth0", up=False, mtu=1500, megabits=None)),
        ("dormant\n", "-1\n", Link("eth0", up=False, mtu=1500, megabits=-1)),
    ],
)
def test_a_link_is_up_only_in_the_state_up(operstate: str, speed: str | None, link: Link) -> None:
    assert parse_link("eth0", operstate, "1500\n", speed) == link


def test_a_malformed_link_raises_with_the_place() -> None:
    with pytest.raises(ValueError, match=r"^class/net/eth0: invalid literal for int\(\).*'big'"):
        parse_link("eth0", "up", "big", None)


def test_without_sysfs_psutil_tells_the_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stats = {"en0": SimpleNamespace(isup=True, mtu=9000, speed=1000)}
    monkeypatch.setattr(psutil, "net_if_stats", lambda: stats)
    samples = Netclass().collect(Paths(sysfs=tmp_path))
    assert [(s.metric.name, s.labels, s.value) for s in samples] == [
        ("node_network_up", ("en0",), 1),
        ("node_network_mtu_bytes", ("en0",), 9000),
        ("node_network_speed_bytes", ("en0",), 125_000_000),
    ]
