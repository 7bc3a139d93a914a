"""The webhook in which the receiver asks the next one."""

import asyncio
from datetime import datetime
from typing import Any

import orjson

from receiver.incidents.escalation.asking import Asked
from receiver.model import ACT_KEY, Labels
from receiver.store.escalating import Pending
from receiver.store.store import Store

Document = dict[str, Any]


async def document_of(store: Store, pending: Pending) -> Document:
    """Return the newest webhook of an incident, or one in its place where none is kept."""
    bodies = await store.told_of(pending.incident, most=1)
    if not bodies:
        return _instead(pending)
    document: Document = await asyncio.to_thread(orjson.loads, bodies[0])
    return document


def fires(document: Document) -> list[Labels]:
    """Return the labels of what fires, as a webhook says."""
    return [each["labels"] or {} for each in document["alerts"] if each["status"] == "firing"]


def body(document: Document, asked: Asked, now: datetime) -> bytes:
    """Write a webhook again to ask somebody; of schedules that have nobody it says so."""
    act = {
        "verb": "escalate",
        "who": asked.who,
        "at": now.isoformat(),
        "until": None,
        "detail": ", ".join(asked.nobody),
        "whom": asked.person,
    }
    return orjson.dumps(document | {"status": "firing", "notification_reason": "", ACT_KEY: act})


def _instead(pending: Pending) -> Document:
    labels = {"alertname": pending.title, "severity": pending.severity}
    alert = {
        "fingerprint": f"tocsin:{pending.incident}",
        "status": "firing",
        "labels": labels,
        "annotations": {},
        "startsAt": pending.opened_at.isoformat(),
    }
    return {
        "version": "4",
        "groupKey": pending.group_key,
        "receiver": pending.receiver,
        "status": "firing",
        "groupLabels": {"alertname": pending.title},
        "alerts": [alert],
    }
