"""What templates see of a notification: bounded, cleaned, sorted, and without decisions left."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from receiver.messages.custody import NOBODY, Custody
from receiver.messages.facts import facts_of, value_of
from receiver.messages.filters import clip, plain, web_link
from receiver.messages.links import links_of
from receiver.messages.words import ACTED, ACTED_EMOJI, AGAIN, RESOLVED, severity_word
from receiver.model import (
    RESOLVED_EMOJI,
    UNKNOWN,
    Act,
    Alert,
    Background,
    Labels,
    Language,
    Notification,
    Status,
)
from receiver.severity import severity_of

_MOST_ALERTS = 10
_MOST_LABELS = 8
_NAME, _VALUE, _DETAIL, _TEXT = 120, 200, 400, 2_000
"""Bytes for names, values of labels, texts in a list of alerts, and texts of a single one."""

_HOSTS = ("instance", "host", "hostname", "nodename", "node")
_SAID_ELSEWHERE = {"alertname", "severity", "instance", "prometheus", "monitor", "replica"}

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Notes:
    """Labels and annotations to be asked for by name, in the language of who reads."""

    _language: Language
    _labels: Labels
    _annotations: Labels

    def label(self, name: str) -> str:
        """Return a label's value as one line of at most 200 bytes; empty where there is none."""
        return clip(plain(self._labels.get(name, "")), _VALUE)

    def annotation(self, name: str) -> str:
        """Return an annotation, that of NAME_LANGUAGE if there is one, in at most 2,000 bytes."""
        return clip(plain(said(self._annotations, name, self._language)), _TEXT)


@dataclass(frozen=True, slots=True)
class AlertView(Notes):
    """One alert; `seconds` is how long it fired or has been firing until now.

    `value` is what it says, or Prometheus, with its unit, or empty.
    """

    resolved: bool
    emoji: str
    name: str
    host: str
    labels: Pairs
    summary: str
    description: str
    value: str
    started: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class View(Notes):
    """A notification. `alerts` are at most ten, those that fire and are urgent first.

    `more` of the same webhook are not among them, and `truncated` never arrived. `labels` are
    those all alerts share, besides what is said elsewhere, and `label` and `annotation` find
    what all alerts share; `links` are (kind, URL), `people` (name, URL) of those who may act,
    and `facts` are (kind, text): what is known of values and of what alerts have in common.
    `picture` is the address of one, or empty. `taken` is who acknowledged it, and `act` what the
    message is about, if that is something that somebody did.
    """

    resolved: bool
    emoji: str
    state: str
    names: tuple[str, ...]
    hosts: tuple[str, ...]
    alerts: tuple[AlertView, ...]
    firing: int
    settled: int
    more: int
    truncated: int
    summary: str
    labels: Pairs
    links: Pairs
    facts: Pairs
    picture: str
    pictured: bool
    people: Pairs
    act: Act | None
    taken: Act | None

    @property
    def hushed(self) -> Act | None:
        """Who silenced it, where the message is about that."""
        return self.act if self.act and self.act.verb == "silence" else None

    @property
    def remark(self) -> str:
        """What somebody said when they took it or silenced it."""
        taken = self.act and self.act.verb in {"acknowledge", "silence"}
        return self.act.detail if self.act and taken else ""

    @property
    def single(self) -> bool:
        """Whether the whole message is about one alert."""
        return self.firing + self.settled == 1 and not self.truncated


def _summary(alerts: Iterable[Alert], language: Language) -> str:
    """Return what all alerts say, if it is the same."""
    summaries = {said(alert.annotations, "summary", language) for alert in alerts}
    return clip(plain(summaries.pop()), _TEXT) if len(summaries) == 1 else ""


def look_at(
    notification: Notification,
    language: Language,
    link: str,
    now: datetime,
    background: Background = UNKNOWN,
    custody: Custody = NOBODY,
) -> View:
    """Prepare a notification for the templates of one language; `link` leads to our own pages."""
    alerts = sorted(notification.alerts, key=_order)
    shown, resolved = alerts[:_MOST_ALERTS], notification.status is Status.RESOLVED
    firing = sum(alert.status is Status.FIRING for alert in alerts)
    shared = _shared([alert.labels for alert in alerts])
    emoji, state = _headline(notification, language)
    size = _TEXT if len(alerts) == 1 else _DETAIL
    ways = _form(notification, custody), _own(link, custody), background.link
    return View(
        language,
        shared,
        _shared([alert.annotations for alert in alerts]),
        resolved=resolved,
        emoji=emoji,
        state=state,
        names=_distinct(clip(plain(a.labels.get("alertname", "")), _NAME) for a in alerts),
        hosts=_distinct(host_of(alert.labels) for alert in alerts),
        alerts=tuple(_look_at_alert(a, shared, language, size, now, background) for a in shown),
        firing=firing,
        settled=len(alerts) - firing,
        more=len(alerts) - len(shown),
        truncated=notification.truncated,
        summary=_summary(alerts, language),
        labels=_pairs(shared),
        links=tuple(links_of(alerts, shared, *ways)),
        facts=tuple(facts_of(alerts, background, language, custody.beside)),
        picture=web_link(background.link),
        pictured=background.picture is not None,
        people=() if resolved else custody.links,
        act=_act(notification.act),
        taken=_act(custody.taken),
    )


def _order(alert: Alert) -> tuple[bool, int]:
    """Put what fires first, and of that the most urgent: a list of alerts may be cut."""
    return alert.status is Status.RESOLVED, severity_of(alert.labels).rank


def _form(told: Notification, custody: Custody) -> str:
    """Return whose form makes a silence, where the message has no better way to one."""
    fires = told.status is Status.FIRING
    return told.external_url if fires and not custody.silences else ""


def _own(link: str, custody: Custody) -> tuple[str, str]:
    """Return which of our own pages says more: the incident's, where the message is of one."""
    if link and custody.incident:
        return "incident", f"{link}/incidents/{custody.incident}"
    return "inbox", link


def _headline(told: Notification, language: Language) -> tuple[str, str]:
    """Return the emoji and the word that a title begins with."""
    if told.act and told.act.verb in ACTED_EMOJI:
        return ACTED_EMOJI[told.act.verb], ACTED[language][told.act.verb]
    if told.status is Status.RESOLVED:
        return RESOLVED_EMOJI, RESOLVED[language]
    severity = told.severity
    word = severity_word(severity, language)
    again = AGAIN[language].get(told.reason)
    return severity.emoji, f"{word} · {again}" if again else word


def _act(done: Act | None) -> Act | None:
    if done is None:
        return None
    return replace(done, who=clip(plain(done.who), _NAME), detail=clip(plain(done.detail), _TEXT))


def _look_at_alert(
    alert: Alert,
    shared: Labels,
    language: Language,
    size: int,
    now: datetime,
    background: Background,
) -> AlertView:
    resolved = alert.status is Status.RESOLVED
    until = (alert.ends_at if resolved else None) or now
    own = {k: v for k, v in alert.labels.items() if k not in shared}
    return AlertView(
        language,
        alert.labels,
        alert.annotations,
        resolved=resolved,
        emoji=RESOLVED_EMOJI if resolved else severity_of(alert.labels).emoji,
        name=clip(plain(alert.labels.get("alertname", "")), _NAME),
        host=host_of(alert.labels),
        labels=_pairs(own),
        summary=clip(plain(said(alert.annotations, "summary", language)), size),
        description=clip(plain(said(alert.annotations, "description", language)), size),
        value=value_of(alert, background),
        started=alert.starts_at,
        seconds=max(0.0, (until - alert.starts_at).total_seconds()),
    )


def said(annotations: Labels, name: str, language: Language) -> str:
    """Return what the rule says in this language, e.g. in `summary_zh`, else what it says."""
    return annotations.get(f"{name}_{language}") or annotations.get(name, "")


def host_of(labels: Labels) -> str:
    """Return what the labels call the machine, or nothing."""
    return tidy_host(raw_host(labels))


def raw_host(labels: Labels) -> str:
    """Return the same as it came, with whatever an alert may have in it."""
    for name in _HOSTS:
        if value := labels.get(name):
            return value
    return ""


def tidy_host(host: str) -> str:
    """Return it as one short line."""
    return clip(plain(host), _NAME)


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))


def _shared(every: Sequence[Labels]) -> Labels:
    """Return what all have alike; of one alert that is all it has."""
    if not every:
        return {}
    first, *others = every
    if not others:
        return first
    return {k: v for k, v in first.items() if all(other.get(k) == v for other in others)}


def _pairs(labels: Mapping[str, str]) -> Pairs:
    telling = sorted(name for name in labels if name not in _SAID_ELSEWHERE)[:_MOST_LABELS]
    return tuple((clip(plain(k), _NAME), clip(plain(labels[k]), _VALUE)) for k in telling)
