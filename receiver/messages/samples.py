"""Notifications that no Alertmanager sent: on them templates are checked, shown and sent."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from receiver.messages.custody import Custody
from receiver.model import (
    REMINDER,
    Act,
    Alert,
    Background,
    Labels,
    Notification,
    Reading,
    Status,
    Unusual,
)

_PICTURE = Path(__file__).parent / "sample.png"
START = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
NOW = START + timedelta(minutes=5, seconds=30)
"""When the samples are looked at."""

_HOUR = timedelta(hours=1, minutes=5)
_TEXTS = {
    "summary": "web-1 answers slowly",
    "description": "Half of the requests to web-1 took longer than 2.4 s for 5 minutes",
    "summary_zh": "web-1 响应缓慢",
    "description_zh": "web-1 有一半请求在 5 分钟内耗时超过 2.4 秒",
    "runbook_url": "https://wiki.example.com/runbooks/latency",
    "dashboard_url": "https://grafana.example.com/d/web?var-instance=web-1",
}
_NASTY = {
    "quotes": "\"double\" 'single' `back` {{ 7 * 7 }} {% raw %} \\n %s {0}",
    "markdown": "](http://evil.example) ![i](http://evil.example/i) # *b* _i_ ~s~ | > ```",
    "html": "<script>alert(1)</script> <b>b</b> &lt;i&gt; --> ]]> <!channel> <@U123> @all",
    "right to left": "שלום עולם مرحبا \u202etxt.exe\u202c \u2066x\u2069",
    "emoji": "👩‍👩‍👧‍👦 🇨🇳 ☠️ " * 40,
    "controls": "one\r\nBcc: thief@example.com\r\n.\r\n\x1b[2J\x00\x7f\u2028\ud800",
    "long": "很长long" * 1_000,
    "nothing": "",
}


def _alert(said: Labels | None = None, ended: timedelta | None = None, **labels: str) -> Alert:
    named = {"alertname": "SlowAnswers", "instance": "web-1:443", "severity": "critical", **labels}
    return Alert(
        fingerprint="-".join(named.values())[:64],
        status=Status.FIRING if ended is None else Status.RESOLVED,
        labels=named,
        annotations=_TEXTS if said is None else said,
        starts_at=START,
        ends_at=None if ended is None else START + ended,
        generator_url="http://prometheus.example.com:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
    )


def _notification(*alerts: Alert, truncated: int = 0) -> Notification:
    fires = any(alert.status is Status.FIRING for alert in alerts)
    return Notification(
        receiver="tocsin",
        group_key='{}:{alertname="SlowAnswers"}',
        status=Status.FIRING if fires else Status.RESOLVED,
        alerts=alerts,
        group_labels={"alertname": "SlowAnswers"},
        external_url="http://alertmanager.example.com:9093",
        truncated=truncated,
    )


def _nasty_act() -> Act:
    return Act("respond", _NASTY["html"], NOW, detail=_NASTY["markdown"] + _NASTY["long"])


def _nasty() -> Iterator[Alert]:
    for name, text in _NASTY.items():
        said = dict.fromkeys((*_TEXTS, "impact", "value"), text)
        alert = _alert(said, team=text, alertname=text, instance=text, severity="warning")
        yield replace(alert, fingerprint=name, generator_url=text)
    yield replace(_alert({}, timedelta(0)), labels={}, generator_url="")


def _background(signal: str, value: float) -> Background:
    reading = Reading(value, "seconds", value / 12, value / 4, 3.24)
    number = _alert(team="shop", job="web").fingerprint, next(_nasty()).fingerprint
    unusual = Unusual(signal, 2.15), Unusual("cpu_waiting", 1.33)
    link = "https://tocsin.example.com/picture/4f0c?until=1768470000&seal=a1b2"
    return Background(dict.fromkeys(number, reading), unusual, _PICTURE.read_bytes(), link)


_ALONE: Mapping[str, Notification] = {
    "single": _notification(_alert(team="shop", job="web")),
    "reminder": replace(_notification(_alert(team="shop", job="web")), reason=REMINDER),
    "resolved": _notification(_alert(ended=_HOUR, team="shop", job="web")),
    "grouped": _notification(
        _alert(team="shop", job="web"),
        _alert(team="shop", job="web", instance="web-2:443", severity="warning"),
        _alert(team="shop", job="web", instance="web-3:443", ended=_HOUR),
    ),
    "truncated": _notification(
        *(_alert(instance=f"web-{number}:443") for number in range(1, 13)), truncated=88
    ),
    "measured": _notification(_alert(team="shop", job="web")),
    "one rack": _notification(
        *(
            _alert(instance=f"web-{number}:443", rack="r2" if number < 8 else f"r{number}")
            for number in range(1, 10)
        )
    ),
    "bare": _notification(replace(_alert({}), labels={}, generator_url="")),
    "nasty": _notification(*_nasty()),
    "nasty alone": _notification(*list(_nasty())[:1]),
}
"""One of each shape that Alertmanager sends, and what no author of a template thinks of."""
_TAKEN = Act("acknowledge", "Ada", NOW - timedelta(minutes=1))
_RESPONSE = Act("respond", "restart-web", NOW, detail="web was restarted and answers again")
_ASKS = Act("respond-asks", "restart-web", NOW, detail="asks whether it may act on web", run=7)
_FAILS = Act("respond-fails", "restart-web", NOW, detail="could not repair web", run=7)
_SHIFT = Act("handover", "Ada", NOW, NOW + timedelta(weeks=1), "Grace")
_HUSHED = Act("silence", "Ada", NOW - timedelta(minutes=1), NOW + timedelta(hours=1))
_OVER = Act("maintenance-over", "Move of rack 7", NOW, detail="new switches")
_ENDS = Act("silence-ends", "Ada", NOW, NOW + timedelta(minutes=15), "until the disk is there")
CUSTODY = Custody(7, _TAKEN, (("Ada", "https://tocsin.example.com/act/7?who=ada&seal=x"),))
"""An incident that somebody has."""
_MAIN = {"main_0": "Incidents opened: 6 (period before: 2)", "main_1": "Still open: 2"}
_PARTS = {"part_0": "In numbers", "part_0_0": _MAIN["main_0"], "part_0_1": _MAIN["main_1"]}
_REPORT = _alert(ended=_HOUR, alertname="2026-01-05 09:00 - 2026-01-12 09:00", instance="")
_WEEK = replace(_REPORT, annotations={"summary": "A calm week.", **_MAIN, **_PARTS})
ACTS: Mapping[str, Notification] = {
    "acknowledged": replace(_ALONE["single"], act=_TAKEN),
    "silenced": replace(_ALONE["grouped"], act=_HUSHED),
    "handover": replace(_ALONE["resolved"], act=_SHIFT),
    "escalated": replace(_ALONE["grouped"], act=Act("escalate", "Grace", NOW, None, "ops")),
    "response": replace(_ALONE["single"], act=_RESPONSE),
    "response asks": replace(_ALONE["single"], act=_ASKS),
    "response failed": replace(_ALONE["single"], act=_FAILS),
    "maintenance over": replace(_ALONE["truncated"], act=_OVER),
    "quiet hours over": replace(_ALONE["grouped"], act=Act("quiet-hours-over", "nights", NOW)),
    "flapping": replace(_ALONE["grouped"], act=Act("flapping", "SlowAnswers", NOW)),
    "calm": replace(_ALONE["resolved"], act=Act("calm", "SlowAnswers", NOW, START, "9")),
    "silence ends": replace(_ALONE["grouped"], act=_ENDS),
    "nasty maintenance over": replace(_ALONE["nasty"], act=replace(_nasty_act(), verb=_OVER.verb)),
    "weekly report": replace(_notification(_WEEK), act=Act("weekly", "weekly", NOW)),
    "nasty response": replace(_ALONE["nasty alone"], act=_nasty_act()),
}
"""What somebody did about an incident."""
DIGESTS: Mapping[str, tuple[Notification, ...]] = {
    "digest": tuple(_ALONE[name] for name in ("single", "grouped", "resolved", "truncated")),
    "digest that is over": (_ALONE["resolved"],) * 2,
    "bare digest": (_ALONE["bare"],) * 2,
    "nasty digest": (_ALONE["nasty"], _ALONE["bare"]),
}
BACKGROUNDS: Mapping[str, Background] = {
    "measured": _background("latency_p95", 2.41),
    "one rack": _background("link_errors", 0.31),
    "digest": _background("latency_p95", 2.41),
    "nasty alone": _background(_NASTY["markdown"], math.inf),
}
"""What Prometheus would know of some of them."""
SAMPLES: Mapping[str, tuple[Notification, ...]] = {
    **{name: (told,) for name, told in {**_ALONE, **ACTS}.items()},
    **DIGESTS,
}
"""What one message tells: a notification, or several that waited."""


def exercise(severity: str, now: datetime, *, resolved: bool = False) -> Notification:
    """Return what says of itself that it is a test, as if it had fired for a minute."""
    said = {
        "summary": "This is a test of Tocsin. Nothing is wrong, and there is nothing to do.",
        "summary_zh": "这是 Tocsin 的测试消息。一切正常，无需处理。",
    }
    alert = Alert(
        fingerprint="test",
        status=Status.RESOLVED if resolved else Status.FIRING,
        labels={"alertname": "TocsinTest", "severity": severity},
        annotations=said,
        starts_at=now - timedelta(minutes=1),
        ends_at=now if resolved else None,
    )
    told = replace(_notification(alert), group_key="test", external_url="")
    return replace(told, group_labels=alert.labels)


def over(told: Notification, now: datetime) -> Notification:
    """Return it as it is once all of it has ended."""
    ended = tuple(replace(a, status=Status.RESOLVED, ends_at=now) for a in told.alerts)
    return replace(told, status=Status.RESOLVED, alerts=ended)
