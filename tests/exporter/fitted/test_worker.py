"""The worker process: a real one, and ones that misbehave."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable

import numpy as np
import psutil
import pytest

from exporter.fitted import MODELS, wire
from exporter.fitted.contract import Arrays
from exporter.fitted.panel import Fitted
from exporter.fitted.worker import ARGV, FitError, Worker

Start = Callable[[str], Worker]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Makes workers that run some lines of Python before they serve, or instead."""
    made: list[Worker] = []

    def make(lines: str = "") -> Worker:
        argv = (sys.executable, "-c", lines) if lines else ARGV
        made.append(Worker(argv))
        return made[-1]

    yield make
    for worker in made:
        await worker.kill()


SERVE = "from exporter.fit import FITS; from exporter.fit.__main__ import main\n"


def request(method: str = "isolation_forest", count: int = 400, **more: object) -> Arrays:
    vectors = np.random.default_rng(0).standard_normal((count, 8))
    asked = {"method": method, "block": 4, "rate": 1 / 40_320, "deadline": 60.0, **more}
    return {"vectors": vectors, **{name: np.array(value) for name, value in asked.items()}}


def process_of(worker: Worker) -> psutil.Process:
    assert worker._process
    return psutil.Process(worker._process.pid)


async def test_one_worker_fits_every_method_and_ends_when_it_is_no_longer_asked(
    start: Start,
) -> None:
    worker = start("")
    for method in MODELS:
        fitted = Fitted.load(method, await worker.fit(request(method), 60))
        ordinary, strange = fitted.strangeness(np.zeros(8)), fitted.strangeness(np.full(8, 9.0))
        assert fitted.calibration.size(ordinary) < 1
        assert fitted.calibration.size(strange) > 2
    process = process_of(worker)
    assert process.nice() >= 10
    await worker.close()
    assert not process.is_running()


async def outcome(worker: Worker, deadline: float = 60.0, **more: object) -> str:
    with pytest.raises(FitError) as failed:
        await worker.fit(request(**more), deadline)  # type: ignore[arg-type] # by name
    return failed.value.outcome


async def test_a_fit_that_hangs_is_killed_at_its_deadline(start: Start) -> None:
    worker = start("import time; time.sleep(600)")
    before, started = set(psutil.Process().children()), time.monotonic()
    asked = asyncio.create_task(outcome(worker, deadline=1.0))
    await asyncio.sleep(0.5)
    (process,) = set(psutil.Process().children()) - before
    assert await asked == "timeout"
    assert time.monotonic() - started < 20
    assert not process.is_running()


async def test_an_orphan_ends_itself_after_the_deadline(start: Start) -> None:
    soon = "import exporter.fit.__main__ as m; m._GRACE = 1\n"
    hang = "import exporter.fitted as f; import time; f.hang = lambda _: time.sleep(600)\n"
    worker = start(SERVE + soon + hang + "FITS['hang'] = 'exporter.fitted:hang'; main()")
    with pytest.raises(FitError, match="failed"):
        await worker.fit({**request("hang"), "deadline": np.array(0)}, 60)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("raise SystemExit(1)", "failed"),
        ("import sys; sys.stdin.read(1)", "failed"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "failed"),
        (SERVE + "FITS['isolation_forest'] = 'builtins:bytearray'\nmain()", "failed"),
        ("import os; os.write(1, b'\\xff' * 100)", "invalid"),
        ("import os; os.write(1, b'\\0\\0\\0\\4junk')", "invalid"),
    ],
)
async def test_a_worker_that_misbehaves_is_a_failed_fit(
    start: Start, lines: str, expected: str
) -> None:
    assert await outcome(start(lines)) == expected


async def test_a_worker_that_needs_more_memory_than_its_bound_says_so(start: Start) -> None:
    greedy = "import exporter.fitted as f; f.greedy = lambda _: bytearray(3 * 2**30)\n"
    worker = start(SERVE + greedy + "FITS['greedy'] = 'exporter.fitted:greedy'; main()")
    assert await outcome(worker, method="greedy") == "memory"


async def test_after_a_failure_the_next_fit_works_and_what_it_prints_is_not_taken_for_its_answer(
    start: Start,
) -> None:
    chatty = (
        "import exporter.fitted as f; f.chatty = lambda r: print('hello') or {'n': r['rate']}\n"
    )
    worker = start(SERVE + chatty + "FITS['chatty'] = 'exporter.fitted:chatty'; main()")
    assert await outcome(worker, method="no such method") == "failed"
    answer = await worker.fit(request("chatty"), 60)
    assert answer["n"] == pytest.approx(1 / 40_320)


def test_arrays_come_through_the_wire_as_they_were() -> None:
    arrays = {"a": np.arange(6.0).reshape(2, 3), "method": np.array("name"), "n": np.array(3)}
    frame = wire.pack(arrays)
    head, body = frame[: wire.HEAD.size], frame[wire.HEAD.size :]
    assert wire.length(head) == len(body)
    back = wire.unpack(body)
    assert back.keys() == arrays.keys()
    assert all((back[name] == arrays[name]).all() for name in arrays)


def test_an_array_of_objects_which_could_be_code_is_refused() -> None:
    frame = wire.pack({"a": np.array([print], object)})
    body = frame[wire.HEAD.size :]
    with pytest.raises(ValueError, match="pickle"):
        wire.unpack(body)
