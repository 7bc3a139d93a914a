"""A notification in the words and the format of one channel."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from jinja2 import FileSystemLoader, StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from receiver.channels.contract import Format
from receiver.messages import filters
from receiver.messages.builtin import builtin_text, builtin_title
from receiver.messages.markup import DIALECTS, PLAIN, Dialect
from receiver.messages.numbers import NUMBERS
from receiver.messages.view import AlertView, View, look_at
from receiver.messages.words import LINKS, SEVERITY
from receiver.model import RESOLVED_COLOR, Language, Message, Notification

FOLDER = Path(__file__).parent / "templates"

Part = Literal["title", "html"] | Format
"""What a template writes: a title, the page of a mail, or the body of a format."""
FILES: dict[Part, str] = {
    "title": "title.txt.j2",
    "html": "email.html.j2",
    "dingtalk": "dingtalk.md.j2",
    "slack": "slack.mrkdwn.j2",
    "email": "text.txt.j2",
    "text": "text.txt.j2",
    "feishu": "chat.j2",
}
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

Templates = Mapping[tuple[Language, Part], Template]


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
    return {
        (language, part): _environment(folder, language, part).get_template(name)
        for language in Language
        for part, name in FILES.items()
    }


class _Sandbox(ImmutableSandboxedEnvironment):
    """The immutable sandbox, without its slow checks where there is nothing to break."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, View | AlertView):  # frozen, and only plain values inside
            return not attr.startswith("_")
        return super().is_safe_attribute(obj, attr, value)


def _environment(folder: Path, language: Language, part: Part) -> _Sandbox:
    dialect = PLAIN if part == "title" or part == "html" else DIALECTS[part]  # noqa: PLR1714 -- mypy narrows by ==
    env = _Sandbox(
        loader=FileSystemLoader(folder / language),
        undefined=StrictUndefined,
        autoescape=part == "html",
        finalize=None if dialect is PLAIN else _finalize(dialect),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["localtime"] = filters.localtime
    env.filters["duration"] = partial(filters.duration, language=language)
    env.filters["clip"] = filters.clip
    env.filters.update(NUMBERS)
    env.filters["strong"] = dialect.strong
    env.filters["link"] = dialect.link
    env.globals["words"] = LINKS[language]
    return env


def _finalize(dialect: Dialect) -> Callable[[Any], Any]:
    """Escape every value unless a filter has already written it in the format's markup."""
    return lambda value: value if hasattr(value, "__html__") else dialect.escape(value)


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
    title = " ".join(sheet.fill("title", builtin_title(view)).split())
    context |= {"title": title, "color": RESOLVED_COLOR if view.resolved else urgency.color}
    body = sheet.fill(style.format, DIALECTS[style.format].escape(builtin_text(view)))
    html = sheet.fill("html", "") if style.format == "email" else ""
    message = Message(title, body, html, notification.status, urgency, key, thread)
    return Rendered(message, sheet.failed)


@dataclass(slots=True)
class _Sheet:
    """The templates of one language with what they are filled with."""

    templates: Templates
    language: Language
    context: dict[str, Any]
    failed: str = ""

    def fill(self, part: Part, instead: str) -> str:
        """Return the filled template, or `instead` where it fails; the first failure is kept."""
        try:
            text = self.templates[self.language, part].render(self.context)
        except _FAILURES:
            self.failed = self.failed or f"{self.language}/{FILES[part]}"
            return instead
        return _GAP.sub("\n\n", text).strip()
