"""A notification in the words and the format of one channel."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import FileSystemLoader, StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from receiver.channels.contract import Format
from receiver.messages import filters
from receiver.messages.builtin import builtin_text, builtin_title
from receiver.messages.numbers import NUMBERS
from receiver.messages.view import AlertView, View, look_at
from receiver.messages.words import LINKS, SEVERITY
from receiver.model import RESOLVED_COLOR, Language, Message, Notification

FOLDER = Path(__file__).parent / "templates"

_TITLE, _HTML = "title.txt.j2", "email.html.j2"
_BODIES: dict[Format, str] = {
    "dingtalk": "dingtalk.md.j2",
    "slack": "slack.mrkdwn.j2",
    "email": "text.txt.j2",
    "text": "text.txt.j2",
}
# How a value is escaped, by the template's ending; plain text needs nothing, HTML has autoescape.
_ESCAPES = {"md": filters.markdown, "mrkdwn": filters.mrkdwn}
_LINKS = {"md": filters.markdown_link, "mrkdwn": filters.mrkdwn_link}
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

Templates = Mapping[tuple[Language, str], Template]


@dataclass(frozen=True, slots=True)
class Style:
    """How a channel wants its messages; `external_url` leads to our own pages, if anywhere."""

    format: Format
    language: Language
    timezone: str
    external_url: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message, and the template that failed and was replaced by built-in text, if one did."""

    message: Message
    failed: str = ""


def load(folder: Path = FOLDER) -> Templates:
    """Compile all templates of all languages; raises TemplateError for one that is broken."""
    names = {_TITLE, _HTML, *_BODIES.values()}
    return {
        (language, name): _environment(folder, language, name).get_template(name)
        for language in Language
        for name in sorted(names)
    }


class _Sandbox(ImmutableSandboxedEnvironment):
    """The immutable sandbox, without its slow checks where there is nothing to break."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, View | AlertView):  # frozen, and only plain values inside
            return not attr.startswith("_")
        return super().is_safe_attribute(obj, attr, value)


def _environment(folder: Path, language: Language, name: str) -> _Sandbox:
    kind = _kind(name)
    env = _Sandbox(
        loader=FileSystemLoader(folder / language),
        undefined=StrictUndefined,
        autoescape=kind == "html",
        finalize=_finalize(kind),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["localtime"] = filters.localtime
    env.filters["duration"] = partial(filters.duration, language=language)
    env.filters["clip"] = filters.clip
    env.filters.update(NUMBERS)
    env.filters["link"] = _LINKS.get(kind, str)
    env.globals["words"] = LINKS[language]
    return env


def _finalize(kind: str) -> Callable[[Any], Any] | None:
    """Escape every value unless a filter has already written it in the format's markup."""
    escape = _ESCAPES.get(kind)
    return escape and (lambda value: value if hasattr(value, "__html__") else escape(value))


def _kind(name: str) -> str:
    """Return the markup that a template writes: `md` of `dingtalk.md.j2`."""
    return name.split(".")[-2]


BUILT_IN = load()


def render(
    notification: Notification,
    style: Style,
    *,
    key: str,
    thread: str,
    now: datetime,
    templates: Templates = BUILT_IN,
) -> Rendered:
    """Write the message of a notification; a template that fails gives way to built-in text.

    `key` names this message and `thread` its incident; neither is shown.
    """
    urgency, language = notification.severity, style.language
    view = look_at(notification, language, style.external_url, now)
    context: dict[str, Any] = {
        "view": view,
        "zone": ZoneInfo(style.timezone),
        "severity": SEVERITY[language][urgency.name],
    }
    sheet = _Sheet(templates, language, context)
    title = " ".join(sheet.fill(_TITLE, builtin_title(view)).split())
    context |= {"title": title, "color": RESOLVED_COLOR if view.resolved else urgency.color}
    name = _BODIES[style.format]
    body = sheet.fill(name, _ESCAPES.get(_kind(name), str)(builtin_text(view)))
    html = sheet.fill(_HTML, "") if style.format == "email" else ""
    message = Message(title, body, html, notification.status, urgency, key, thread)
    return Rendered(message, sheet.failed)


@dataclass(slots=True)
class _Sheet:
    """The templates of one language with what they are filled with."""

    templates: Templates
    language: Language
    context: dict[str, Any]
    failed: str = ""

    def fill(self, name: str, instead: str) -> str:
        """Return the filled template, or `instead` where it fails; the first failure is kept."""
        try:
            text = self.templates[self.language, name].render(self.context)
        except _FAILURES:
            self.failed = self.failed or f"{self.language}/{name}"
            return instead
        return _GAP.sub("\n\n", text).strip()
