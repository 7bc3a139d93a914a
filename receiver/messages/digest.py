"""A backlog in one message: every alert's name with its hosts, the most urgent first."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from receiver.channels.contract import Format
from receiver.messages.filters import clip, localtime, plain
from receiver.messages.markup import DIALECTS, PLAIN
from receiver.messages.render import Style
from receiver.messages.view import raw_host, tidy_host
from receiver.messages.words import LINKS, RESOLVED, SEVERITY
from receiver.model import (
    RESOLVED_EMOJI,
    SEVERITIES,
    Alert,
    Language,
    Message,
    Notification,
    Severity,
    Status,
    severity_of,
)

_MOST_LINES = 60
_MOST_HOSTS = 100
_NAME, _HOSTS = 120, 1_900
"""Bytes for an alert's name and for its hosts: longer lines are cut by channels."""
_WORDS = {
    Language.EN: {
        "title": "{messages} messages in one",
        "intro": "These waited, the first since {since}, and are told together:",
        "firing": "{} firing",
        "settled": "{} resolved",
        "more": "and {} more",
        "lines": "and {} further kinds of alerts",
        "no_name": "Alert",
    },
    Language.ZH: {
        "title": "合并 {messages} 条消息",
        "intro": "以下消息自 {since} 起积压，现合并告知：",
        "firing": "{} 条触发中",
        "settled": "{} 条已恢复",
        "more": "另有 {} 个",
        "lines": "另有 {} 类告警",
        "no_name": "告警",
    },
}


@dataclass(slots=True)
class _Line:
    """What is said of all alerts of one name and severity."""

    name: str
    severity: Severity
    firing: int = 0
    settled: int = 0
    hosts: dict[str, None] = field(default_factory=dict)

    def add(self, alerts: Sequence[Alert]) -> None:
        firing = sum(alert.status is Status.FIRING for alert in alerts)
        self.firing += firing
        self.settled += len(alerts) - firing
        self.hosts |= dict.fromkeys(filter(None, (raw_host(alert.labels) for alert in alerts)))

    @property
    def order(self) -> tuple[bool, int, int, str]:
        return not self.firing, self.severity.rank, -self.firing - self.settled, self.name

    def write(self, language: Language) -> str:
        words = _WORDS[language]
        counts = [words["firing"].format(self.firing)] if self.firing else []
        counts += [words["settled"].format(self.settled)] if self.settled else []
        named = [tidy_host(host) for host in list(self.hosts)[:_MOST_HOSTS]]
        hosts = clip(", ".join(named), _HOSTS)
        more = len(self.hosts) - len(named)
        tail = [hosts] if hosts else []
        tail += [words["more"].format(more)] if more else []
        emoji = self.severity.emoji if self.firing else RESOLVED_EMOJI
        said = f"{emoji} {self.name}: {', '.join(counts)}"
        return f"{said} — {', '.join(tail)}" if tail else said


def digest(told: Sequence[Notification], style: Style, *, key: str, since: datetime) -> Message:
    """Write one message that names what several would say; `since` is when the first came."""
    language, words = style.language, _WORDS[style.language]
    lines = _lines(told, words["no_name"])
    firing = [line for line in lines if line.firing]
    worst = min((n.severity for n in told), key=lambda severity: severity.rank)
    state = SEVERITY[language][worst.name] if firing else RESOLVED[language]
    emoji = worst.emoji if firing else RESOLVED_EMOJI
    names = ", ".join(list(dict.fromkeys(line.name for line in lines))[:3])
    about = words["title"].format(messages=len(told))
    title = f"[{emoji} {state}] {about}: {names}"
    intro = words["intro"].format(since=localtime(since, ZoneInfo(style.timezone)))
    said = [line.write(language) for line in lines[:_MOST_LINES]]
    if len(lines) > _MOST_LINES:
        said.append(words["lines"].format(len(lines) - _MOST_LINES))
    link = (style.external_url, LINKS[language]["inbox"])
    return Message(
        title=title,
        body=_body(style.format, title, intro, said, link),
        html=_html(title, intro, said, link) if style.format == "email" else "",
        status=Status.FIRING if firing else Status.RESOLVED,
        severity=worst,
        key=key,
        thread=key,
    )


def _lines(told: Iterable[Notification], nameless: str) -> list[_Line]:
    kinds: defaultdict[tuple[str, str], list[Alert]] = defaultdict(list)
    for notification in told:
        for alert in notification.alerts:
            kinds[alert.labels.get("alertname", ""), severity_of(alert.labels).name].append(alert)
    lines: dict[tuple[str, str], _Line] = {}
    for (called, urgency), alerts in kinds.items():
        name = clip(plain(called), _NAME) or nameless  # only now: there may be thousands of alerts
        lines.setdefault((name, urgency), _Line(name, SEVERITIES[urgency])).add(alerts)
    return sorted(lines.values(), key=lambda line: line.order)


def _body(kind: Format, title: str, intro: str, said: Iterable[str], link: tuple[str, str]) -> str:
    dialect = DIALECTS[kind]
    head = [dialect.heading(title), ""] if dialect.head else []
    lines = [f"{dialect.bullet}{dialect.escape(line)}" for line in said]
    tail = ["", dialect.link(*link)] if link[0] else []
    return "\n".join([*head, dialect.escape(intro), "", *lines, *tail])


def _html(title: str, intro: str, said: Iterable[str], link: tuple[str, str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in said)
    tail = escape(PLAIN.link(*link)) if link[0] else ""
    return (
        f'<html><body style="font-family: sans-serif"><h3>{escape(title)}</h3>'
        f"<p>{escape(intro)}</p><ul>{items}</ul><p>{tail}</p></body></html>"
    )
