"""What udev has found out about a disk: makes, serials, file systems, device mapper names."""

from collections.abc import Iterator

from exporter.model import Metric, Sample

INFO = Metric(
    "node_disk_info",
    "What the disk is; always 1.",
    labels=("device", "major", "minor", "path", "wwn", "model", "serial", "revision"),
)
FILESYSTEM_INFO = Metric(
    "node_disk_filesystem_info",
    "Which file system lies on the disk; always 1.",
    labels=("device", "type", "usage", "uuid", "version"),
)
DEVICE_MAPPER_INFO = Metric(
    "node_disk_device_mapper_info",
    "Which logical volume the disk is; always 1.",
    labels=("device", "name", "uuid", "vg_name", "lv_name", "lv_layer"),
)
ATA = {
    "ID_ATA_WRITE_CACHE": Metric(
        "node_disk_ata_write_cache", "Whether the ATA disk has a write cache.", labels=("device",)
    ),
    "ID_ATA_WRITE_CACHE_ENABLED": Metric(
        "node_disk_ata_write_cache_enabled",
        "Whether the ATA disk's write cache is on.",
        labels=("device",),
    ),
    "ID_ATA_ROTATION_RATE_RPM": Metric(
        "node_disk_ata_rotation_rate_rpm",
        "Revolutions per minute of the ATA disk, 0 where nothing turns.",
        labels=("device",),
    ),
}

# The properties behind the labels that follow `device` and the two numbers of INFO.
_HARDWARE = ("ID_PATH", "ID_WWN", "ID_MODEL", "SERIAL", "ID_REVISION")
_FILESYSTEM = ("ID_FS_TYPE", "ID_FS_USAGE", "ID_FS_UUID", "ID_FS_VERSION")
_DEVICE_MAPPER = ("DM_NAME", "DM_UUID", "DM_VG_NAME", "DM_LV_NAME", "DM_LV_LAYER")
# The serial printed on the disk comes first; virtio disks only have the last of them.
_SERIALS = ("SCSI_IDENT_SERIAL", "ID_SERIAL_SHORT", "ID_SERIAL")


def parse_udev(device: str, numbers: tuple[str, str], text: str) -> Iterator[Sample]:
    """Read udev's record of a disk (its `E:NAME=value` lines); an empty one yields INFO alone.

    `numbers` are the device's major and minor number.
    """
    lines = (line[2:].partition("=") for line in text.splitlines() if line.startswith("E:"))
    udev = {name: value for name, _, value in lines}
    udev["SERIAL"] = next((udev[name] for name in _SERIALS if udev.get(name)), "")

    def values(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(udev.get(name, "") for name in names)

    yield Sample(INFO, (device, *numbers, *values(_HARDWARE)), 1)
    if udev.get("ID_FS_TYPE"):
        yield Sample(FILESYSTEM_INFO, (device, *values(_FILESYSTEM)), 1)
    if udev.get("DM_NAME"):
        yield Sample(DEVICE_MAPPER_INFO, (device, *values(_DEVICE_MAPPER)), 1)
    for name, metric in ATA.items():
        if udev.get("ID_ATA") and name in udev:
            yield Sample(metric, (device,), float(udev[name]))
