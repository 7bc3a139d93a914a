import asyncio
import logging
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from exporter.collectors.contract import Collector, Paths
from exporter.fence import PATH_MISSING, Fence
from exporter.model import Metric, NoData, Sample

VALUE = Metric("app_value", "A value.", labels=("source",))


class Cheap:
    blocking: ClassVar[bool] = False

    def __init__(self, *answers: Sample | Exception) -> None:
        self._answers = list(answers)

    def collect(self, paths: Paths) -> Iterable[Sample]:
        del paths
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        yield answer


class Gated:
    """Blocks until the test opens the gate."""

    blocking: ClassVar[bool] = True

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.entered = 0

    def collect(self, paths: Paths) -> Iterable[Sample]:
        del paths
        self.entered += 1
        self.gate.wait(30)
        yield VALUE.sample(1, "gated")


def fence(deadline: float = 30.0, **collectors: Collector) -> Fence:
    return Fence(collectors, dict.fromkeys(collectors, deadline), Paths())


def values(samples: Iterable[Sample]) -> dict[tuple[str, ...], float]:
    return {(sample.metric.name, *sample.labels): sample.value for sample in samples}


async def test_a_collector_that_fails_loses_only_its_own_samples() -> None:
    good = Cheap(VALUE.sample(7, "good"))
    page = values(await fence(bad=Cheap(OSError("gone")), good=good).collect())
    assert page["app_value", "good"] == 7
    assert page["tocsin_collector_success", "bad"] == 0
    assert page["tocsin_collector_success", "good"] == 1
    assert ("tocsin_collector_last_success_timestamp_seconds", "bad") not in page


async def test_a_source_that_is_not_there_is_neither_success_nor_failure() -> None:
    one = fence(absent=Cheap(NoData("no driver")))
    page = values(await one.collect())
    assert ("tocsin_collector_success", "absent") not in page
    assert page["tocsin_collector_duration_seconds", "absent"] >= 0
    assert one.troubles == {"absent": ""}


async def test_samples_before_a_failure_are_not_shown_half() -> None:
    class Half:
        blocking: ClassVar[bool] = False

        def collect(self, paths: Paths) -> Iterable[Sample]:
            del paths
            yield VALUE.sample(1, "half")
            raise RuntimeError("broke off")

    page = values(await fence(half=Half()).collect())
    assert ("app_value", "half") not in page


@pytest.mark.parametrize(("deadline", "budget"), [(0.05, 30.0), (30.0, 0.05)])
async def test_a_hung_collector_is_late_and_the_others_are_there(
    deadline: float, budget: float
) -> None:
    hung = Gated()
    one = fence(deadline, hung=hung, good=Cheap(VALUE.sample(7, "good")))
    page = values(await one.collect(budget))
    hung.gate.set()
    assert page["app_value", "good"] == 7
    assert page["tocsin_collector_success", "hung"] == 0
    assert ("app_value", "gated") not in page
    assert one.troubles["hung"].startswith("late")


async def test_a_hung_collector_is_not_started_a_second_time() -> None:
    hung = Gated()
    one = fence(0.02, hung=hung)
    for _ in range(3):
        await one.collect()
    hung.gate.set()
    assert hung.entered == 1


async def test_a_collector_that_was_late_works_again_once_it_has_landed() -> None:
    slow = Gated()
    one = fence(0.02, slow=slow)
    await one.collect()
    slow.gate.set()
    flight = one._flights["slow"]
    await asyncio.wait_for(flight.landed, 30)
    one._deadlines["slow"] = 30
    page = values(await one.collect())
    assert page["app_value", "gated"] == 1
    assert page["tocsin_collector_success", "slow"] == 1
    assert slow.entered == 2


async def test_scrapes_at_once_share_one_run_of_a_blocking_collector() -> None:
    slow = Gated()
    one = fence(slow=slow)
    scrapes = [asyncio.create_task(one.collect()) for _ in range(5)]
    await asyncio.sleep(0)
    slow.gate.set()
    pages = [values(page) for page in await asyncio.gather(*scrapes)]
    assert [page["app_value", "gated"] for page in pages] == [1.0] * 5
    assert slow.entered == 1


async def test_a_failure_is_logged_at_each_change_of_state_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    good = VALUE.sample(1, "x")
    one = fence(flaky=Cheap(OSError("a"), OSError("b"), good, good, OSError("c")))
    with caplog.at_level(logging.INFO):
        for _ in range(5):
            await one.collect()
    assert [record.getMessage() for record in caplog.records] == [
        "collector flaky failed: OSError: a",
        "collector flaky works again",
        "collector flaky failed: OSError: c",
    ]


async def test_a_path_that_is_not_there_is_said_once_and_counted_until_it_is(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    mount = tmp_path / "proc"
    one = Fence({"load": Cheap(NoData("gone"))}, {}, Paths(procfs=mount))
    pages = [await one.collect() for _ in range(2)]
    assert caplog.messages == [f"paths.procfs: {mount} is no folder that can be read"]
    mount.mkdir()
    pages.append(await one.collect())
    counted = [[s.labels for s in page if s.metric is PATH_MISSING] for page in pages]
    assert counted == [[("procfs",)], [("procfs",)], []]


async def test_the_last_success_stays_when_a_collector_fails() -> None:
    one = fence(flaky=Cheap(VALUE.sample(1, "x"), OSError("a")))
    before = time.time()
    await one.collect()
    page: dict[tuple[str, ...], Any] = values(await one.collect())
    assert page["tocsin_collector_success", "flaky"] == 0
    assert page["tocsin_collector_last_success_timestamp_seconds", "flaky"] >= before
