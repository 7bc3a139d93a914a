"""The state of each network link, from /sys/class/net, or from psutil where there is none."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, NamedTuple

import psutil

from exporter.collectors.contract import Paths
from exporter.collectors.patterns import ByDevice
from exporter.collectors.procfs import read_text
from exporter.model import Metric, NoData, Sample

UP = Metric("node_network_up", "Whether the link's operational state is up.", labels=("device",))
MTU = Metric("node_network_mtu_bytes", "Largest packet in bytes.", labels=("device",))
SPEED = Metric("node_network_speed_bytes", "Speed in bytes per second.", labels=("device",))

_BYTES_PER_MEGABIT = 125_000


class Link(NamedTuple):
    """One link; `megabits` per second is None or not positive where nobody knows it."""

    device: str
    up: bool
    mtu: int
    megabits: int | None


def parse_link(device: str, operstate: str, mtu: str, speed: str | None) -> Link:
    """Make a link of what the files of that name say (sysfs-class-net)."""
    try:
        return Link(device, operstate.strip() == "up", int(mtu), int(speed) if speed else None)
    except ValueError as error:
        raise ValueError(f"class/net/{device}: {error}") from error


def _speed(link: str) -> str | None:
    """Return the speed as the file has it; the kernel refuses the read where it is unknown."""
    with suppress(OSError, NoData):
        return read_text(f"{link}/speed")
    return None


def sysfs_links(folder: str) -> Iterator[Link]:
    """Read the links below /sys/class/net; one that goes away meanwhile is left out.

    Raises FileNotFoundError where there is no such folder.
    """
    for device in os.listdir(folder):  # noqa: PTH208 -- a Path for each costs half as much as reading it
        link = f"{folder}/{device}"
        with suppress(NoData, NotADirectoryError):  # bonding_masters is a file among the links
            operstate, mtu = read_text(f"{link}/operstate"), read_text(f"{link}/mtu")
            yield parse_link(device, operstate, mtu, _speed(link))


def psutil_links() -> Iterator[Link]:
    """Ask psutil for the links of this process's own network."""
    for device, stats in psutil.net_if_stats().items():
        yield Link(device, stats.isup, stats.mtu, stats.speed)


def links(sysfs: Path) -> list[Link]:
    """List the links that sysfs knows, or psutil where there is no sysfs."""
    try:
        return list(sysfs_links(f"{sysfs}/class/net"))
    except FileNotFoundError:
        return list(psutil_links())


class Netclass(ByDevice):
    """The state of the network links.

    Sysfs comes first because in a container it is the host's, while psutil sees the container's
    own network, and because node_exporter's `up` is the operational state: a loopback is not up.
    """

    # Reading a speed waits for the kernel's one lock round all links (rtnl).
    blocking: ClassVar[bool] = True

    def collect(self, paths: Paths) -> Iterator[Sample]:
        """Yield the state, packet size and, where it is known, speed of each link."""
        for link in links(paths.sysfs):
            if self.wants(link.device):
                yield Sample(UP, (link.device,), int(link.up))
                yield Sample(MTU, (link.device,), link.mtu)
                if link.megabits and link.megabits > 0:
                    yield Sample(SPEED, (link.device,), link.megabits * _BYTES_PER_MEGABIT)
