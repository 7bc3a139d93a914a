"""The webhook in which the receiver asks the next one."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from receiver.incidents.escalation.asking import Asked
from receiver.model import ACT_KEY, Labels
from receiver.store.escalating import Pending
from receiver.store.store import Store

_MOST = 20
"""Incidents that joined one and are looked at, the first."""

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """The newest webhook of an incident."""

    incident: int
    document: Document

    @property
    def fires(self) -> list[Labels]:
        """The labels of what fires, as it says."""
        alerts = self.document["alerts"]
        return [each["labels"] or {} for each in alerts if each["status"] == "firing"]


async def told_of(store: Store, pending: Pending) -> list[Told]:
    """Return what is told of an incident, and of what joined it, where something fires.

    Where nothing does, as far as is kept, that of the incident alone.
    """
    every = [await _newest(store, n) for n in (pending.incident, *pending.members[:_MOST])]
    firing = [told for told in every if told and told.fires]
    return firing or [every[0] or Told(pending.incident, _instead(pending))]


async def _newest(store: Store, incident: int) -> Told | None:
    bodies = await store.told_of(incident, most=1)
    return Told(incident, await asyncio.to_thread(orjson.loads, bodies[0])) if bodies else None


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
