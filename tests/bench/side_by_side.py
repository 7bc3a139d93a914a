"""Runs long tasks in two processes, and says on one line how far they are."""

import multiprocessing
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from ctypes import c_double
from multiprocessing.sharedctypes import Synchronized
from typing import TypeVar

from exporter.backtest.progress import Progress

_PROCESSES, _LOOK_EVERY = 2, 0.5
Tell = Callable[[float], None]
"""Takes the part of a task that is done, 0 to 1."""
Task = TypeVar("Task")
Result = TypeVar("Result")
_parts: list["Synchronized[float]"] = []
"""How far each task is; made before the processes are, which inherit it."""


def side_by_side(
    run: Callable[[Task, Tell], Result], tasks: Sequence[Task], weights: Sequence[float]
) -> list[Result]:
    """Return what `run` returns for each task; those with the largest weights begin first."""
    _parts[:] = [multiprocessing.Value(c_double, 0.0) for _ in tasks]
    order = sorted(range(len(tasks)), key=lambda i: -weights[i])
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(_PROCESSES, fork) as pool, Progress("scoring", sys.stderr) as progress:
        futures = {i: pool.submit(_run, run, tasks[i], i) for i in order}
        while not _done(list(futures.values())):
            shares = zip(weights, _parts, strict=True)
            progress(sum(weight * part.value for weight, part in shares) / sum(weights))
        return [futures[i].result() for i in range(len(tasks))]


def _done(futures: Sequence[Future[Result]]) -> bool:
    return not wait(futures, _LOOK_EVERY).not_done


def _run(run: Callable[[Task, Tell], Result], task: Task, number: int) -> Result:
    def tell(part: float) -> None:
        _parts[number].value = part

    return run(task, tell)
