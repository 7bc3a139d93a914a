"""Fits what is due, one after the other, beside the ticks and never in their way."""

import asyncio
import logging
import time
from collections.abc import Callable

from exporter.fitted.models import Job, Models
from exporter.fitted.worker import FitError, Worker
from exporter.model import SeriesKey, label_text

_PAUSE = 1.0
"""Seconds between looks for a fit that is due."""

_log = logging.getLogger(__name__)


async def keep_fitting(models: Callable[[], Models], worker: Worker) -> None:
    """Fit until cancelled; `models` returns those in force, which a reload may exchange.

    The worker lives for as long as one fit after another is due.
    """
    try:
        while True:
            current = models()
            if job := current.next_job(time.monotonic()):
                await _fit(current, job, worker)
            else:
                await worker.close()
                await asyncio.sleep(_PAUSE)
    finally:
        await worker.kill()


def _text(key: SeriesKey) -> str:
    """Spell a series for people, e.g. `queue_depth{queue="mail"}`."""
    labels = label_text(tuple(name for name, _ in key.labels), tuple(v for _, v in key.labels))
    return f"{key.signal}{{{labels}}}" if labels else key.signal


async def _fit(models: Models, job: Job, worker: Worker) -> None:
    started = time.monotonic()
    try:
        answer = await worker.fit(job.request, models.plan.deadline)
        models.put(job, answer, time.monotonic())
        outcome = "ok"
    except FitError as error:
        outcome = error.outcome
    except (KeyError, ValueError):
        outcome = "invalid"
    if outcome != "ok":
        _log.warning("%s was not fitted to %s: %s", job.name, _text(job.key), outcome)
    models.fits.note(job.name, outcome, time.monotonic() - started)
