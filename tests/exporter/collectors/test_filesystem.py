"""Mount tables, their filters and the figures of a file system."""

import errno
import os
from pathlib import Path

import pytest

from exporter.collectors.contract import Paths
from exporter.collectors.filesystem import Filesystem, Mount, measure, parse_mounts


def mount(mountpoint: str, fstype: str = "ext4") -> Mount:
    return Mount(("/dev/sda1", mountpoint, fstype), mountpoint, readonly=False)


def test_a_mount_has_labels_a_path_and_a_read_only_flag() -> None:
    text = "/dev/sda1 / ext4 rw,relatime,errors=remount-ro 0 0\n/dev/sr0 /cd iso9660 ro 0 0\n"
    assert parse_mounts(text) == (
        Mount(("/dev/sda1", "/", "ext4"), "/", readonly=False),
        Mount(("/dev/sr0", "/cd", "iso9660"), "/cd", readonly=True),
    )


@pytest.mark.parametrize("options", ["ro", "rw,ro", "rw,emergency_ro"])
def test_any_read_only_option_makes_it_read_only(options: str) -> None:
    assert parse_mounts(f"d /m ext4 {options} 0 0\n")[0].readonly


@pytest.mark.parametrize(
    ("escaped", "mountpoint"),
    [
        (r"/a\040b", "/a b"),
        (r"/a\011b", "/a\tb"),
        (r"/a\012b", "/a\nb"),
        (r"/a\134040b", r"/a\040b"),
        (r"/a\043b", "/a#b"),
        ("/a\u2028b", "/a\u2028b"),
    ],
)
def test_escaped_names_are_read_as_they_are_on_disk(escaped: str, mountpoint: str) -> None:
    (found,) = parse_mounts(f"d {escaped} ext4 rw 0 0\n")
    assert (found.labels[1], found.path) == (mountpoint, mountpoint)


def test_a_name_that_is_no_utf8_is_asked_for_by_its_bytes_and_labelled_printably() -> None:
    (found,) = parse_mounts("d /m\udcff ext4 rw 0 0\n")
    assert (found.labels[1], found.path) == ("/m\ufffd", "/m\udcff")


@pytest.mark.parametrize(
    ("rootfs", "mountpoint", "label", "path"),
    [
        ("/", "/boot", "/boot", "/boot"),
        ("/host", "/boot", "/boot", "/host/boot"),
        ("/host", "/host/boot", "/boot", "/host/boot"),
        ("/host", "/host", "/", "/host/"),
        ("/host", "/hostess", "/hostess", "/host/hostess"),
    ],
)
def test_mount_points_are_named_as_the_host_does_and_asked_below_rootfs(
    rootfs: str, mountpoint: str, label: str, path: str
) -> None:
    (found,) = parse_mounts(f"d {mountpoint} ext4 rw 0 0\n", rootfs)
    assert (found.labels[1], found.path) == (label, path)


def test_a_malformed_line_raises_with_the_place() -> None:
    with pytest.raises(ValueError, match=r"^mounts: line 2: 'nonsense': not enough values"):
        parse_mounts("d / ext4 rw 0 0\nnonsense\n")


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (mount("/"), True),
        (mount("/mnt/data"), True),
        (mount("/run", "tmpfs"), True),
        (mount("/device"), True),
        (mount("/var/lib/docker"), True),
        (mount("/dev"), False),
        (mount("/dev/shm", "tmpfs"), False),
        (mount("/run/credentials/systemd-sysusers.service", "ramfs"), False),
        (mount("/var/lib/docker/overlay2/x/merged"), False),
        (mount("/x", "cgroup"), False),
        (mount("/x", "cgroup2"), False),
        (mount("/x", "overlay"), False),
        (mount("/x", "fuse.sshfs"), True),
    ],
    ids=lambda value: "-".join(value.labels[1:]) if isinstance(value, Mount) else str(value),
)
def test_the_defaults_hide_what_node_exporter_hides(found: Mount, wanted: bool) -> None:  # noqa: FBT001 -- a table
    assert Filesystem().wants(found) is wanted


def test_a_list_that_is_given_replaces_the_default() -> None:
    section = Filesystem.model_validate(
        {"exclude_fstypes": ["tmpfs"], "include_mountpoints": ["/srv/.*", "/x"]}
    )
    found = [mount("/srv/a"), mount("/x", "overlay"), mount("/x", "tmpfs"), mount("/")]
    assert [section.wants(m) for m in found] == [True, True, False, False]


def test_a_file_system_that_fails_says_why_and_keeps_its_read_only_flag(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(path: bytes) -> os.statvfs_result:
        raise OSError(errno.EIO, "Input/output error", path)

    monkeypatch.setattr(os, "statvfs", fail)
    samples = [(s.metric.name, s.labels[3:], s.value) for s in measure(mount("/broken"))]
    assert samples == [
        ("node_filesystem_readonly", (), 0),
        ("node_filesystem_device_error", ("input/output error",), 1),
    ]


def test_the_mounts_that_init_sees_come_before_our_own(tmp_path: Path) -> None:
    for place in ("1", "self"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "mounts").write_text(f"of-{place} {tmp_path} ext4 rw 0 0\n")
    paths = Paths(procfs=tmp_path)
    assert {s.labels[0] for s in Filesystem().collect(paths)} == {"of-1"}
    (tmp_path / "1/mounts").unlink()
    assert {s.labels[0] for s in Filesystem().collect(paths)} == {"of-self"}
