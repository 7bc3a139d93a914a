"""The webhooks in which the receiver tells what was kept quiet."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from receiver.model import ACT_KEY, OF_NONE, Act

RECEIVER = "tocsin"
_MOST = 1_000
"""Alerts in one message; it says how many more there are."""

RawAlert = Mapping[str, Any]
"""An alert as Alertmanager wrote it."""


def again(document: Mapping[str, Any], alerts: Sequence[RawAlert]) -> bytes:
    """Write an incident's webhook again, about some of its alerts, and about no act."""
    now = {"status": _status(alerts), "notification_reason": "", "alerts": alerts}
    said = {key: value for key, value in document.items() if key != ACT_KEY}
    return orjson.dumps(said | now)


def summary(act: Act, key: str, alerts: Sequence[RawAlert], link: str = "") -> bytes:
    """Write the webhook that tells of alerts of whatever incidents; `key` names it alone."""
    shown = alerts[:_MOST]
    return orjson.dumps(
        {
            "version": "4",
            "groupKey": f"{OF_NONE}{key}",
            "receiver": RECEIVER,
            "status": _status(shown),
            "groupLabels": {"alertname": (act.detail if link else "") or act.who},
            "externalURL": link,
            "alerts": shown,
            "truncatedAlerts": len(alerts) - len(shown),
            ACT_KEY: {
                "verb": act.verb,
                "who": act.who,
                "at": act.at.isoformat(),
                "until": act.until.isoformat() if act.until else None,
                "detail": act.detail,
                "whom": act.whom,
            },
        }
    )


def firing(alert: RawAlert) -> dict[str, Any]:
    """Say of an alert that it fires, whatever was said last."""
    return {**alert, "status": "firing", "endsAt": None}


def _status(alerts: Sequence[Mapping[str, Any]]) -> str:
    return "firing" if any(alert["status"] == "firing" for alert in alerts) else "resolved"
