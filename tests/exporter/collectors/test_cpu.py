"""CPU times: parsing, and counters that step back."""

from pathlib import Path

import pytest

from exporter.collectors.contract import Paths
from exporter.collectors.cpu import Cpu, CpuTimes, never_back, parse_cpu


def test_each_cpu_is_read_and_their_sum_is_not() -> None:
    text = "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 4 5 6 7 8 9 10\ncpu12 100 0 0 0 0 0 0 0 0 0\n"
    assert list(parse_cpu(text)) == [
        CpuTimes("0", (0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.1)),
        CpuTimes("12", (1.0, 0, 0, 0, 0, 0, 0, 0, 0, 0)),
    ]


def test_a_line_that_is_not_numbers_is_named() -> None:
    with pytest.raises(ValueError, match=r"^stat: line 2: 'cpu0 1 x': invalid literal"):
        list(parse_cpu("cpu  1 1\ncpu0 1 x\n"))


@pytest.mark.parametrize(
    ("last", "now", "held"),
    [
        (None, (1.0, 0.0, 0.0, 5.0), (1.0, 0.0, 0.0, 5.0)),
        ((1.0, 0.0, 0.0, 5.0), (2.0, 0.0, 0.0, 6.0), (2.0, 0.0, 0.0, 6.0)),
        ((1.0, 0.0, 7.0, 5.0), (2.0, 0.0, 6.0, 2.5), (2.0, 0.0, 7.0, 5.0)),
        ((1.0, 0.0, 7.0, 5.0), (0.5, 0.0, 6.0, 2.0), (0.5, 0.0, 6.0, 2.0)),
    ],
    ids=["first", "forward", "wobble", "hot-plug"],
)
def test_a_counter_steps_back_only_after_a_hot_plug(
    last: tuple[float, ...] | None, now: tuple[float, ...], held: tuple[float, ...]
) -> None:
    assert never_back(last, now) == held


def test_iowait_that_the_kernel_took_back_is_held(tmp_path: Path) -> None:
    collector, paths = Cpu(), Paths(procfs=tmp_path)

    def iowait() -> list[float]:
        return [s.value for s in collector.collect(paths) if s.labels == ("0", "iowait")]

    seen = []
    for ticks in (500, 480, 510):
        (tmp_path / "stat").write_text(f"cpu0 1 2 3 4 {ticks} 0 0 0 0 0\n")
        seen += iowait()
    assert seen == [5.0, 5.0, 5.1]


def test_an_old_kernel_without_guest_times_has_none(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("cpu0 1 2 3 4 5 6 7 8\n")
    names = {s.metric.name for s in Cpu().collect(Paths(procfs=tmp_path))}
    assert names == {"node_cpu_seconds_total"}
