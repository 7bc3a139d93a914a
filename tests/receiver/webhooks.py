"""Webhooks in a line, as bytes and as what the store takes."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from receiver.intake.webhook import parse
from receiver.store.records import Webhook

CAPTURED = Path(__file__).parents[1] / "fixtures" / "webhooks"
BODIES = sorted(
    path
    for path in CAPTURED.rglob("*.json")
    if path.name.startswith(("firing", "resolved", "mixed"))
)
START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ZERO = "0001-01-01T00:00:00Z"


def alert(
    fingerprint: str = "aa", status: str = "firing", minute: int = 0, **labels: str
) -> dict[str, Any]:
    """An alert whose episode starts some minutes after START; its fingerprint is its instance."""
    start = START + timedelta(minutes=minute)
    end = start + timedelta(seconds=30)
    return {
        "status": status,
        "labels": {"alertname": "Down", "instance": fingerprint, "severity": "critical", **labels},
        "annotations": {"summary": "it is down"},
        "startsAt": start.isoformat(),
        "endsAt": end.isoformat() if status == "resolved" else ZERO,
        "generatorURL": "http://prometheus:9090/graph",
        "fingerprint": fingerprint,
    }


def document(alerts: Sequence[dict[str, Any]] = (), **changes: Any) -> dict[str, Any]:
    """A webhook of these alerts, or of one that fires."""
    said = list(alerts) or [alert()]
    fires = any(item["status"] == "firing" for item in said)
    return {
        "version": "4",
        "groupKey": '{}:{alertname="Down"}',
        "truncatedAlerts": 0,
        "status": "firing" if fires else "resolved",
        "receiver": "tocsin",
        "groupLabels": {"alertname": "Down"},
        "commonLabels": {"alertname": "Down"},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "alerts": said,
        **changes,
    }


def body(alerts: Sequence[dict[str, Any]] = (), **changes: Any) -> bytes:
    return orjson.dumps(document(alerts, **changes))


def webhook(
    alerts: Sequence[dict[str, Any]] = (), *, seconds: float = 0, **changes: Any
) -> Webhook:
    """What is received some seconds after START."""
    raw = body(alerts, **changes)
    return Webhook(raw, parse(raw), START + timedelta(seconds=seconds))


def grafana(alerts: Sequence[dict[str, Any]] = (), **changes: Any) -> dict[str, Any]:
    """The same as Grafana says it, which has keys of its own and is of version 1."""
    said = document(alerts, version="1", orgId=1, title="[FIRING:1]", state="alerting", **changes)
    for each in said["alerts"]:
        each |= {"values": {"B": 44.2, "C": 1}, "valueString": "[ var='B' ]", "orgId": 1}
        each |= {"silenceURL": "http://g/s", "dashboardURL": "http://g/d", "panelURL": "http://g/p"}
    return said
