"""A notification in the words and the format of one channel."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from traceback import walk_tb
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import TemplateError, TemplateSyntaxError

from receiver.channels.contract import Format
from receiver.messages.builtin import builtin
from receiver.messages.custody import NOBODY, Custody
from receiver.messages.filters import clip, plain
from receiver.messages.library import (
    ACT_FILES,
    BUILT_IN,
    FILES,
    QUIET_FILES,
    REPORT_FILES,
    Part,
    Templates,
)
from receiver.messages.markup import DIALECTS
from receiver.messages.view import View, look_at
from receiver.messages.words import (
    ALONE,
    ANSWERS,
    EXTENSIONS,
    HANDLE,
    LINKS,
    OF_SEVERAL,
    REPORTS,
    SILENCE_ENDS,
    VERBS,
    VERDICTS,
    severity_word,
)
from receiver.model import (
    RESOLVED_COLOR,
    UNKNOWN,
    Act,
    Background,
    Labels,
    Language,
    Message,
    Notification,
    Status,
)
from receiver.severity import Severity

# What a template can raise on a notification that its author did not think of.
_FAILURES = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)

_GAP = re.compile(r"\n{3,}")
_TOO_FAR = "\n\n\n"
_LONGEST, _LONGEST_TITLE, _LONGEST_TOPIC = 1_000_000, 1_000, 120
"""Bytes that a template may write, and those of a title that are kept."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a channel wants its messages; `external_url` leads to our own pages, if anywhere.

    One that `changes` its message of an incident shows all of it after each act, and tells the
    act in `Message.brief`; the others are told the act alone.
    """

    format: Format
    language: Language
    timezone: str
    external_url: str = ""
    changes: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """A template that failed: `name` as in en/title.txt.j2, `line` where its file is, and why."""

    name: str
    path: str
    line: int
    why: str

    def __str__(self) -> str:
        return f"{self.path}: line {self.line}: {self.why}"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message, and the templates that failed and were replaced by built-in text, if some did."""

    message: Message
    failures: tuple[Failure, ...] = ()

    @property
    def failed(self) -> str:
        """The name of the first that failed."""
        return self.failures[0].name if self.failures else ""


def render(  # noqa: PLR0913 -- the last three may be left out
    notification: Notification,
    style: Style,
    *,
    key: str,
    thread: str,
    now: datetime,
    templates: Templates = BUILT_IN,
    background: Background = UNKNOWN,
    custody: Custody = NOBODY,
) -> Rendered:
    """Write the message of a notification; a template that fails gives way to built-in text.

    `key` names this message and `thread` its incident; neither is shown.
    """
    urgency, language, act = notification.severity, style.language, notification.act
    custody = _custody(custody, act)
    view = look_at(notification, language, style.external_url, now, background, custody)
    context = {"view": view, **scene(style, urgency)}
    files = files_for(act, style)
    sheet = Sheet(templates, style, files, context, partial(builtin, view))
    written = sheet.write(notification.status, urgency, key, thread)
    brief = replace(sheet, files=ACT_FILES).fill(style.format) if act and files is FILES else ""
    return Rendered(
        replace(
            written.message,
            brief=brief,
            act=act.verb if act else "",
            incident=custody.incident,
            picture=background.picture,
            link=view.picture,
            buttons=_buttons(view, custody, language),
            links=_links(view, language),
            labels=firing_labels([notification]),
            hosts=view.hosts,
            topic=clip(plain(notification.topic), _LONGEST_TOPIC),
            apart=act is not None and act.verb in OF_SEVERAL | ALONE,
        ),
        tuple(sheet.failures),
    )


def _custody(custody: Custody, act: Act | None) -> Custody:
    """Return what may be done: nobody takes many incidents at once, but a silence is extended."""
    if act is None or act.verb not in OF_SEVERAL:
        return custody
    if act.verb != SILENCE_ENDS or not act.whom:
        return NOBODY
    verbs = EXTENSIONS if custody.verbs else ()
    return Custody(custody.incident, links=custody.links, verbs=verbs)


def files_for(act: Act | None, style: Style) -> Mapping[Part, str]:
    """Return the files that write what is about an act, or about none."""
    if act and act.verb in OF_SEVERAL:
        return QUIET_FILES
    if act and act.verb in REPORTS:
        return REPORT_FILES
    return ACT_FILES if act and (act.verb in ALONE or not style.changes) else FILES


def scene(style: Style, urgency: Severity) -> dict[str, Any]:
    """Return what each template can use beside what the message is about."""
    return {
        "zone": ZoneInfo(style.timezone),
        "severity": severity_word(urgency, style.language),
    }


def firing_labels(told: Iterable[Notification]) -> tuple[Labels, ...]:
    """Return the labels of every alert that fires."""
    alerts = (alert for notification in told for alert in notification.alerts)
    return tuple(alert.labels for alert in alerts if alert.status is Status.FIRING)


def _buttons(view: View, custody: Custody, language: Language) -> tuple[tuple[str, str], ...]:
    """Return what can still be done about it."""
    there = [verb for verb in custody.verbs if (verb in VERDICTS) is view.resolved]
    left = [verb for verb in there if not (verb == "acknowledge" and view.taken)]
    asks = view.act.run if view.act and view.act.verb == "respond-asks" and custody.verbs else 0
    answers = [(f"{verb}-{asks}", VERBS[language][verb]) for verb in ANSWERS if asks]
    return (*answers, *((verb, VERBS[language][verb]) for verb in left))


def _links(view: View, language: Language) -> tuple[tuple[str, str], ...]:
    """Return what can be opened, in the words of the reader's language; by what one acts first."""
    acting = ((HANDLE[language].format(name), url) for name, url in view.people)
    return (*acting, *((LINKS[language][kind], url) for kind, url in view.links))


@dataclass(slots=True)
class Sheet:
    """The templates of one style with what they are filled with.

    `builtin` writes the title and the text that stand in for what fails.
    """

    templates: Templates
    style: Style
    files: Mapping[Part, str]
    context: dict[str, Any]
    builtin: Callable[[], tuple[str, str]]
    failures: list[Failure] = field(default_factory=list)

    def write(self, status: Status, severity: Severity, key: str, thread: str) -> Rendered:
        """Write all parts of a message."""
        style = self.style
        title = clip(" ".join(self.fill("title").split()), _LONGEST_TITLE)
        color = RESOLVED_COLOR if status is Status.RESOLVED else severity.color
        self.context |= {"title": title, "color": color}
        body = self.fill(style.format)
        html = self.fill("html") if style.format == "email" else ""
        message = Message(title, body, html, status, severity, key, thread)
        return Rendered(message, tuple(self.failures))

    def fill(self, part: Part) -> str:
        """Return the filled template, or what is built in where it fails, which is noted."""
        language, name = self.style.language, self.files[part]
        template = self.templates.compiled[language, name, part]
        try:
            text = template.render(self.context).strip()
            if not 0 < len(text.encode("utf-8", "replace")) <= _LONGEST:
                raise ValueError(f"it must write something, and at most {_LONGEST} bytes")
        except _FAILURES as error:
            path, line = _place(error, str(template.filename))
            self.failures.append(Failure(f"{language}/{name}", path, line, why(error)))
            return self._instead(part)
        return _GAP.sub("\n\n", text) if _TOO_FAR in text else text

    def _instead(self, part: Part) -> str:
        if part == "html":
            return ""
        title, text = self.builtin()
        return title if part == "title" else DIALECTS[part].escape(text)


def why(error: Exception) -> str:
    """Return what failed as an author should read it."""
    return f"{type(error).__name__}: {error}".replace(f"{View.__module__}.", "")


def _place(error: Exception, path: str) -> tuple[str, int]:
    """Return the file and the line that failed, within the template or one that it includes."""
    if isinstance(error, TemplateSyntaxError):  # of an included one, which is compiled only now
        return error.filename or path, error.lineno
    frames = ((frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__))
    return ([(path, 1)] + [(name, line) for name, line in frames if name.endswith(".j2")])[-1]
