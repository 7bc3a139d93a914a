"""The fixture host: one page of all its collectors, with what is not a file made up.

`python -m tests.exporter.collectors.page >tests/exporter/golden/host.prom` writes it anew.
"""

import errno
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from unittest.mock import patch

from exporter.collectors import COLLECTORS
from exporter.collectors.contract import Paths
from exporter.model import Metric, Sample

FIXTURES = Path(__file__).parents[2] / "fixtures"
# Those that node_exporter has by the same names.
HOST_COLLECTORS = (
    *("cpu", "diskstats", "filefd", "filesystem", "loadavg", "meminfo", "netclass", "netdev"),
    *("pressure", "stat", "uname"),
)

UNAME = os.uname_result(
    ("Linux", "web1", "6.1.0-18-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1", "x86_64")
)
# Block size, fragment size, blocks, free, available, files, free, available, flags, name length.
DISKS = {
    "/": (4096, 4096, 25_000_000, 10_000_000, 8_750_000, 6_400_000, 6_000_000, 6_000_000, 0, 255),
    "/run": (4096, 4096, 409_773, 409_000, 409_000, 2_046_000, 2_045_000, 2_045_000, 0, 255),
    "/boot/efi": (4096, 4096, 130_812, 129_000, 129_000, 0, 0, 0, 1, 1530),
    "/srv/two words\\and\ttab": (4096, 1024, 1_000_000, 1, 0, 64_000, 63_999, 63_999, 0, 255),
}
UDEV = {
    "b8:0": (
        "S:disk/by-id/ata-EXAMPLE\nE:ID_ATA=1\nE:ID_ATA_WRITE_CACHE=1\n"
        "E:ID_ATA_WRITE_CACHE_ENABLED=0\nE:ID_ATA_ROTATION_RATE_RPM=7200\n"
        "E:ID_MODEL=EXAMPLE_4T\nE:ID_PATH=pci-0000:00:1f.2-ata-1\nE:ID_REVISION=82.0\n"
        "E:ID_SERIAL=EXAMPLE_4T_WD-1\nE:ID_SERIAL_SHORT=WD-1\nE:ID_WWN=0x50014ee0\n"
    ),
    "b252:0": (
        "E:DM_NAME=vg0-root\nE:DM_UUID=LVM-abc\nE:DM_VG_NAME=vg0\nE:DM_LV_NAME=root\n"
        "E:ID_FS_TYPE=ext4\nE:ID_FS_USAGE=filesystem\nE:ID_FS_UUID=1-2-3\nE:ID_FS_VERSION=1.0\n"
    ),
    "b259:0": "E:ID_SERIAL=Only_The_Long_One\n",
}


def make_rootfs(folder: Path) -> Path:
    """Lay out what udev keeps; here, because colons in file names trouble other systems."""
    data = folder / "run/udev/data"
    data.mkdir(parents=True)
    for name, text in UDEV.items():
        (data / name).write_text(text)
    return folder


def fixture_samples(rootfs: Path) -> list[Sample]:
    """Collect the fixture host."""
    paths = Paths(FIXTURES / "proc", FIXTURES / "sys", rootfs)

    def statvfs(path: bytes) -> os.statvfs_result:
        mountpoint = path.decode().removeprefix(str(rootfs))
        if mountpoint not in DISKS:
            raise OSError(errno.ESTALE, "Stale file handle")
        return os.statvfs_result(DISKS[mountpoint])

    with patch("os.statvfs", statvfs), patch("os.uname", lambda: UNAME):
        return [s for name in HOST_COLLECTORS for s in COLLECTORS[name]().collect(paths)]


def _line(sample: Sample) -> str:
    pairs = zip(sample.metric.labels, sample.labels, strict=True)
    labels = ",".join(f"{name}={_quote(value)}" for name, value in pairs)
    return f"{sample.metric.name}{f'{{{labels}}}' if labels else ''} {sample.value!r}"


def _quote(value: str) -> str:
    """Quote a label value as the text format does."""
    inner = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{inner}"'


def render(samples: Iterable[Sample]) -> str:
    """Render families in the order of their names, with the series sorted."""
    families: dict[Metric, list[str]] = defaultdict(list)
    for sample in samples:
        families[sample.metric].append(_line(sample))
    blocks = (
        f"# HELP {m.name} {m.help}\n# TYPE {m.name} {m.kind}\n" + "\n".join(sorted(lines)) + "\n"
        for m, lines in sorted(families.items(), key=lambda item: item[0].name)
    )
    return "".join(blocks)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(render(fixture_samples(make_rootfs(Path(folder)))))
