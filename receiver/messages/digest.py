"""A backlog in one message: every alert's name with its hosts, the most urgent first.

Of few messages each incident is told for itself, with what its alerts say and a link to its page,
since somebody is to take it; of many, what they have in common.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import zip_longest

from receiver.channels.mailing import picture_id
from receiver.messages.builtin import builtin_digest
from receiver.messages.digested import DigestView, KindView
from receiver.messages.filters import clip, plain
from receiver.messages.library import BUILT_IN, DIGEST_FILES, Templates
from receiver.messages.render import Rendered, Sheet, Style, firing_labels, scene
from receiver.messages.view import raw_host, said, tidy_host
from receiver.messages.words import LINKS, RESOLVED, severity_word
from receiver.model import RESOLVED_EMOJI, Alert, Language, Notification, Status
from receiver.severity import Severity, severity_of

FEW = 10
"""Messages that are told one by one."""
_HEAVIEST = 750_000
"""Bytes of all pictures together: a mail with more is late, and refused by some."""
_MOST_KINDS = 60
_MOST_NAMES = 500
"""Kinds that are named and no more, beyond those."""
_MOST_HOSTS = 100
_NAME, _SUMMARY, _HOSTS = 120, 300, 1_300
"""Bytes for an alert's name, what it says and its hosts: longer lines are cut by channels."""


@dataclass(slots=True)
class _Kind:
    """What is said of all alerts of one name and severity."""

    name: str
    severity: Severity
    summary: str = ""
    link: str = ""
    png: bytes | None = None
    picture: str = ""
    firing: int = 0
    settled: int = 0
    hosts: dict[str, None] = field(default_factory=dict)

    def add(self, alerts: Sequence[Alert]) -> None:
        firing = [alert.status for alert in alerts].count(Status.FIRING)
        self.firing += firing
        self.settled += len(alerts) - firing
        self.hosts |= dict.fromkeys(filter(None, (raw_host(alert.labels) for alert in alerts)))

    @property
    def order(self) -> tuple[bool, int, int, str]:
        return not self.firing, self.severity.rank, -self.firing - self.settled, self.name

    def look(self) -> KindView:
        emoji = self.severity.emoji if self.firing else RESOLVED_EMOJI
        named = tuple(_short(tidy_host(host) for host in list(self.hosts)[:_MOST_HOSTS]))
        more = len(self.hosts) - len(named)
        numbers = self.firing, self.settled
        texts = self.summary, self.link, self.picture
        return KindView(emoji, self.name, *numbers, named, more, *texts)


def digest(  # noqa: PLR0913 -- the last three may be left out
    told: Sequence[Notification],
    style: Style,
    *,
    key: str,
    since: datetime,
    templates: Templates = BUILT_IN,
    incidents: Sequence[int] = (),
    pictures: Sequence[bytes | None] = (),
) -> Rendered:
    """Write one message that names what several would say; `since` is when the first came.

    `incidents` are the numbers of those that they are about, and `pictures` what is seen of them,
    in the same order, as far as there are any.
    """
    few = len(told) <= FEW and style.format != "sms"
    kinds = _each(told, incidents, pictures, style) if few else _kinds(told)
    shown = _hang(kinds) if style.format == "email" else ()
    worst = kinds[0].severity
    view = _look_at(kinds, len(told), style, since)
    context = {"digest": view, **scene(style, worst)}
    status = Status.RESOLVED if view.resolved else Status.FIRING
    sheet = Sheet(templates, style, DIGEST_FILES, context, partial(builtin_digest, view))
    written = sheet.write(status, worst, key, key)
    labels = firing_labels(told)
    links = ((LINKS[style.language]["inbox"], view.link),) if view.link else ()
    message = replace(written.message, links=links, labels=labels, pictures=shown)
    return replace(written, message=message)


def _look_at(kinds: Sequence[_Kind], messages: int, style: Style, since: datetime) -> DigestView:
    worst, resolved = kinds[0].severity, not kinds[0].firing
    rest = kinds[_MOST_KINDS : _MOST_KINDS + _MOST_NAMES]
    language = style.language
    return DigestView(
        resolved=resolved,
        emoji=RESOLVED_EMOJI if resolved else worst.emoji,
        state=RESOLVED[language] if resolved else severity_word(worst, language),
        messages=messages,
        since=since,
        names=tuple(dict.fromkeys(kind.name for kind in kinds if kind.name)),
        kinds=tuple(kind.look() for kind in kinds[:_MOST_KINDS]),
        more=max(0, len(kinds) - _MOST_KINDS),
        link=style.external_url,
        others=tuple(dict.fromkeys(kind.name for kind in rest if kind.name)),
    )


def _each(
    told: Sequence[Notification],
    incidents: Sequence[int],
    pictures: Sequence[bytes | None],
    style: Style,
) -> list[_Kind]:
    """Return the same for each notification by itself, with its texts and the link to its page."""
    kinds: list[_Kind] = []
    every = zip_longest(incidents[: len(told)], pictures[: len(told)], told)
    for number, png, notification in every:
        link = f"{style.external_url}/incidents/{number}" if style.external_url and number else ""
        for place, kind in enumerate(_kinds([notification])):
            summary = _summary(notification, kind, style.language)
            kinds.append(replace(kind, summary=summary, link=link, png=None if place else png))
    return sorted(kinds, key=lambda kind: kind.order)


def _hang(kinds: Iterable[_Kind]) -> tuple[bytes, ...]:
    """Say which pictures the page shows, and what it calls them: those that fit."""
    shown: list[bytes] = []
    for kind in kinds:
        if kind.png and sum(map(len, shown)) + len(kind.png) <= _HEAVIEST:
            kind.picture = f"cid:{picture_id(len(shown))}"
            shown.append(kind.png)
    return tuple(shown)


def _summary(told: Notification, kind: _Kind, language: Language) -> str:
    """Return what all alerts of a kind say, if it is the same."""
    alike = [a for a in told.alerts if severity_of(a.labels) == kind.severity]
    named = [a for a in alike if _name(a.labels.get("alertname", "")) == kind.name]
    texts = {said(a.annotations, "summary", language) for a in named}
    return clip(plain(texts.pop()), _SUMMARY) if len(texts) == 1 else ""


def _name(called: str) -> str:
    return clip(plain(called), _NAME)


def _kinds(told: Iterable[Notification]) -> list[_Kind]:
    """Return what fires by urgency, then what is over."""
    alike: defaultdict[tuple[str, str], list[Alert]] = defaultdict(list)
    for notification in told:
        for alert in notification.alerts:
            labels = alert.labels
            alike[labels.get("alertname", ""), labels.get("severity", "")].append(alert)
    kinds: dict[tuple[str, Severity], _Kind] = {}
    for (called, _), alerts in alike.items():  # only now: there may be thousands of alerts
        name, severity = _name(called), severity_of(alerts[0].labels)
        kinds.setdefault((name, severity), _Kind(name, severity)).add(alerts)
    return sorted(kinds.values(), key=lambda kind: kind.order)


def _short(hosts: Iterable[str]) -> Iterable[str]:
    """Yield hosts until they fill a line."""
    size = 0
    for host in hosts:
        size += len(host.encode("utf-8", "replace")) + 2
        if size > _HOSTS:
            return
        yield host
