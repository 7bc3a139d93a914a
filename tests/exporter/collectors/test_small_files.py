"""Sources of a few lines: loadavg, meminfo, pressure, stat, file-nr, uname."""

import errno
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from exporter.collectors import pressure
from exporter.collectors.contract import Paths
from exporter.collectors.filefd import parse_filefd
from exporter.collectors.loadavg import parse_loadavg
from exporter.collectors.meminfo import parse_meminfo
from exporter.collectors.pressure import Pressure, parse_pressure
from exporter.collectors.stat import parse_stat
from exporter.collectors.uname import Uname
from exporter.model import NoData, Sample


def _values(samples: Iterable[Sample]) -> list[tuple[str, float]]:
    return [(s.metric.name, s.value) for s in samples]


def test_loadavg() -> None:
    assert _values(parse_loadavg("0.21 0.37 12.39 1/719 19737\n")) == [
        ("node_load1", 0.21),
        ("node_load5", 0.37),
        ("node_load15", 12.39),
    ]


def test_meminfo_fields_with_a_unit_are_bytes_and_those_without_are_pages() -> None:
    text = "MemTotal:  16 kB\nActive(anon):  2 kB\nHugePages_Free:  5\n"
    assert _values(parse_meminfo(text)) == [
        ("node_memory_MemTotal_bytes", 16384),
        ("node_memory_Active_anon_bytes", 2048),
        ("node_memory_HugePages_Free", 5),
    ]


def test_pressure_is_in_seconds_and_unnamed_lines_are_left_out() -> None:
    text = "some avg10=0.00 avg60=0.09 avg300=0.49 total=14036781\nfull avg10=0.00 total=7\n"
    assert _values(parse_pressure("cpu", text)) == [
        ("node_pressure_cpu_waiting_seconds_total", 14.036781)
    ]


def test_pressure_switched_off_at_boot_is_no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> str:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported", path)

    monkeypatch.setattr(pressure, "read_text", refuse)
    with pytest.raises(NoData, match="no pressure stall information"):
        list(Pressure().collect(Paths()))


def test_pressure_that_cannot_be_read_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> str:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(pressure, "read_text", refuse)
    with pytest.raises(PermissionError):
        list(Pressure().collect(Paths()))


def test_a_kernel_that_accounts_for_some_resources_gives_those(tmp_path: Path) -> None:
    (tmp_path / "pressure").mkdir()
    (tmp_path / "pressure/cpu").write_text("some avg10=0.00 total=1000000\n")
    assert _values(Pressure().collect(Paths(procfs=tmp_path))) == [
        ("node_pressure_cpu_waiting_seconds_total", 1.0)
    ]


def test_stat_takes_the_first_number_of_its_lines() -> None:
    text = "cpu0 1 2 3 4\nintr 99 1 2 3\nctxt 7\nbtime 5\nprocesses 4\nprocs_running 2\n"
    assert _values(parse_stat(text)) == [
        ("node_intr_total", 99),
        ("node_context_switches_total", 7),
        ("node_boot_time_seconds", 5),
        ("node_forks_total", 4),
        ("node_procs_running", 2),
    ]


def test_file_nr() -> None:
    assert _values(parse_filefd("1024\t0\t1631329\n")) == [
        ("node_filefd_allocated", 1024),
        ("node_filefd_maximum", 1631329),
    ]


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (parse_loadavg, "0.1 0.2\n", "loadavg: line 1: '0.1 0.2': zip() argument 2 is shorter"),
        (parse_loadavg, "a b c\n", "loadavg: line 1: 'a b c': could not convert string"),
        (parse_meminfo, "A: 1 kB\nB: 1 MB\n", "meminfo: line 2: 'B: 1 MB': unknown unit 'MB'"),
        (parse_meminfo, "MemTotal:\n", "meminfo: line 1: 'MemTotal:': not enough values"),
        (parse_stat, "ctxt\n", "stat: line 1: 'ctxt': invalid literal for int()"),
        (parse_filefd, "1 2\n", "sys/fs/file-nr: line 1: '1 2': not enough values"),
    ],
)
def test_a_malformed_file_raises_with_the_place(
    parse: Callable[[str], Iterable[Sample]], text: str, message: str
) -> None:
    with pytest.raises(ValueError, match="line") as caught:
        list(parse(text))
    assert str(caught.value).startswith(message)


def test_malformed_pressure_raises_with_the_place() -> None:
    with pytest.raises(ValueError, match=r"^pressure/io: line 1: 'some': invalid literal"):
        list(parse_pressure("io", "some\n"))


@pytest.mark.parametrize(
    ("text", "domain"), [("example.org\n", "example.org"), (None, "(none)")], ids=["set", "unset"]
)
def test_uname_has_the_domain_name_that_python_leaves_out(
    text: str | None, domain: str, tmp_path: Path
) -> None:
    if text:
        (tmp_path / "sys/kernel").mkdir(parents=True)
        (tmp_path / "sys/kernel/domainname").write_text(text)
    (info,) = Uname().collect(Paths(procfs=tmp_path))
    assert info.labels == (*os.uname()[:1], *os.uname()[2:], os.uname().nodename, domain)
