"""Notifications as Alertmanager makes them, in a line."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from receiver.model import Alert, Labels, Message, Notification, Status
from receiver.severity import SEVERITIES

START = datetime(2026, 11, 23, 14, 28, 58, tzinfo=UTC)


def make_alert(
    *,
    resolved_after: timedelta | None = None,
    annotations: Labels | None = None,
    generator_url: str = "http://prometheus:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
    **labels: str,
) -> Alert:
    """Return an alert that fires, or that resolved after a while."""
    named = {"alertname": "HostCpuBusy", "instance": "web-1:9100", "severity": "critical", **labels}
    said = {
        "summary": "The CPU is busy",
        "description": f"{named['instance']} has used 97.3 % of its CPU for 5 minutes",
        "runbook_url": "https://wiki.example.com/runbooks/cpu",
        "dashboard_url": "https://grafana.example.com/d/host?var-instance=web-1:9100",
    }
    return Alert(
        fingerprint=f"{hash(frozenset(named.items())) & 0xFFFF:016x}",
        status=Status.RESOLVED if resolved_after else Status.FIRING,
        labels=named,
        annotations=said if annotations is None else annotations,
        starts_at=START,
        ends_at=START + resolved_after if resolved_after else None,
        generator_url=generator_url,
    )


def make_notification(alerts: Sequence[Alert], **changes: Any) -> Notification:
    """Return the webhook that these alerts would come in."""
    fires = any(alert.status is Status.FIRING for alert in alerts)
    facts: dict[str, Any] = {
        "receiver": "tocsin",
        "group_key": '{}:{alertname="HostCpuBusy"}',
        "status": Status.FIRING if fires else Status.RESOLVED,
        "alerts": tuple(alerts),
        "external_url": "http://alertmanager:9093",
    }
    return Notification(**facts | changes)


def make_message(body: str = "the body", **changes: Any) -> Message:
    """Return a message ready to be sent."""
    facts: dict[str, Any] = {
        "title": "[🔴 Critical] HostCpuBusy on web-1:9100",
        "body": body,
        "html": "",
        "status": Status.FIRING,
        "severity": SEVERITIES["critical"],
        "key": "key-1",
        "thread": "thread-1",
    }
    return Message(**facts | changes)


HOSTILE = {
    "quotes": "\"double\" 'single' `back` {{ 7 * 7 }} {% raw %} \\n \\u0000 %s",
    "markdown": "](http://evil.example) [x](http://evil.example) ![i](http://evil.example/i) # h",
    "html": "<script>alert(1)</script> <b>bold</b> &lt;i&gt; <font color=red>",
    "slack": "<!channel> <!here> <@U123> <http://evil.example|good> *b* ~s~",
    "dingtalk": "@all @所有人 @13800000000",
    "rtl": "שלום עולם مرحبا \u202etxt.exe\u202c \u2066x\u2069",
    "emoji": "👩‍👩‍👧‍👦 🇨🇳 ☠️ " * 40,
    "newlines": "one\r\nBcc: thief@example.com\r\n\r\n.\r\nQUIT\n\n### heading\n> quote",
    "controls": "\x1b[2J\x1b]0;owned\x07 \x00 \x7f \x9b31m \ud800 \u2028",
    "long": "a" * 200_000,
    "long lines": "zwölf Boxkämpfer 严重告警\n" * 8_000,
    "empty": "",
}
