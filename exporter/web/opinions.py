"""What people say of signals: whether an alarm was right, and how sensitive to be."""

import time
from datetime import UTC, datetime
from typing import Annotated, Any

from aiohttp import web
from pydantic import AwareDatetime, Field

from exporter.history.alarms import REMEMBERED
from exporter.model import SeriesKey
from exporter.quality.opinions import MEMORY, FullError
from exporter.quality.records import Label, LabelSet, Record, Setting, Verdict, identity
from exporter.settings import Section, Sensitivity
from exporter.tick import Ticker
from exporter.web import choosing
from exporter.web.service import SERVICE, Service
from exporter.web.signals import answer, plain, wished

_FORGOTTEN = f": of each series only the latest {REMEMBERED} alarms can be labelled"
_AHEAD = 300.0
"""Seconds by which the clock of who sends a label may be ahead."""


class LabelBody(Section):
    """What is sent for a label."""

    verdict: Verdict
    labels: LabelSet | None = None
    at: AwareDatetime | None = None
    by: Annotated[str, Field(max_length=200)] = ""
    note: Annotated[str, Field(max_length=1000)] = ""


class SensitivityBody(Section):
    """What is sent for a sensitivity; null brings the configuration's back."""

    sensitivity: Sensitivity | None
    labels: LabelSet | None = None


async def label(request: web.Request) -> web.Response:
    """Keep a label; 201 for the first of its alarm or moment, 200 for one that replaces it."""
    service, signal = request.app[SERVICE], request.match_info["name"]
    sent = await choosing.body(request, LabelBody)
    at = sent.at or datetime.fromtimestamp(time.time(), UTC)
    if not -MEMORY <= at.timestamp() - time.time() <= _AHEAD:
        raise web.HTTPBadRequest(text="at: more than 90 days ago or more than 5 minutes ahead\n")
    key = choosing.known_series(service.ticker, signal, sent.labels)
    labels, alarm = dict(key.labels), _alarm(service.ticker, key, at)
    if alarm is None and sent.verdict != "missed":
        raise web.HTTPConflict(text=_no_alarm(service.ticker, key, at))
    known = {"signal": signal, "labels": labels, "at": at, "alarm": alarm}
    record = Label(**known, verdict=sent.verdict, by=sent.by, note=sent.note)
    new = await _keep(service, record)
    counts = service.opinions.counts(signal)
    said: dict[str, Any] = {
        "signal": signal,
        "labels": labels,
        "verdict": sent.verdict,
        "at": at.isoformat(),
        "alarm": alarm.isoformat() if alarm else None,
        "alarms_a_week": service.opinions.of_series(identity(signal, labels)),
        "precision": plain(counts.precision),
        "recall": plain(counts.recall),
        "f1": plain(counts.f1),
    }
    return answer(said, status=201 if new else 200)


def _alarm(ticker: Ticker, key: SeriesKey, at: datetime) -> datetime | None:
    """Return when the alarm was raised that a label of this time is about, as far as known."""
    raised = ticker.record.alarms.before(ticker.slots.row(key), at.timestamp())
    return None if raised is None else datetime.fromtimestamp(raised, UTC)


def _no_alarm(ticker: Ticker, key: SeriesKey, at: datetime) -> str:
    """Say why a verdict about an alarm cannot be kept, and what to do."""
    known = ticker.record.alarms.times(ticker.slots.row(key))
    first = datetime.fromtimestamp(known[0], UTC).isoformat(timespec="seconds") if known else ""
    return (
        f"{key.signal}: no alarm of this series is known that was raised before "
        f"{at.isoformat(timespec='seconds')}"
        + (f", the first known one was at {first}" if known else "")
        + (_FORGOTTEN if len(known) == REMEMBERED else "")
        + "; `true` and `false` are said of an alarm, `missed` of an anomaly that raised none\n"
    )


async def sensitivity(request: web.Request) -> web.Response:
    """Set how many false alarms a week are accepted, of a signal or of one of its series."""
    service, signal = request.app[SERVICE], request.match_info["name"]
    sent = await choosing.body(request, SensitivityBody)
    opinions, labels = service.opinions, None
    if sent.labels is not None:
        labels = dict(choosing.known_series(service.ticker, signal, sent.labels).labels)
    elif signal not in service.ticker.names:
        choosing.known_signal(service.ticker, signal)
    await _keep(service, Setting(signal=signal, labels=labels, sensitivity=sent.sensitivity))
    if labels is None:
        now, wish = opinions.of_signal(signal), opinions.wish(signal)
    else:
        series = identity(signal, labels)
        now, wish = opinions.of_series(series), opinions.wish(*series)
    return answer({"signal": signal, "labels": labels, **wished(wish), "alarms_a_week": now})


async def _keep(service: Service, record: Record) -> bool:
    """Keep a record durably; 503 where that fails now, 409 where there is no room for it."""
    try:
        return await service.opinions.add(record)
    except FullError as error:
        raise web.HTTPConflict(text=f"{error}\n") from error
    except OSError as error:
        raise web.HTTPServiceUnavailable(text=f"cannot be kept: {error}\n") from error
