"""The templates: those that come with the receiver, and those of the user's own in their place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template, Undefined
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from receiver.channels.contract import Format
from receiver.messages import filters
from receiver.messages.digested import DigestView, KindView
from receiver.messages.markup import DIALECTS, HTML, PLAIN, Dialect
from receiver.messages.numbers import NUMBERS
from receiver.messages.page import BUTTONS, HEAD
from receiver.messages.view import AlertView, View
from receiver.messages.words import FACTS, LINKS
from receiver.model import Act, Language

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
    "wecom": "chat.j2",
    "teams": "chat.j2",
    "telegram": "chat.j2",
    "sms": "sms.txt.j2",
}
"""The one list of what can be written and of what the files are called."""
DIGEST_FILES: dict[Part, str] = {
    **dict.fromkeys(FILES, "digest.j2"),
    "title": "digest_title.txt.j2",
    "html": "digest.html.j2",
}
"""The same for a digest of messages that waited."""
ACT_FILES: dict[Part, str] = {
    **dict.fromkeys(FILES, "act.j2"),
    "title": FILES["title"],
    "html": "act.html.j2",
}
"""The same for what somebody did about an incident."""
QUIET_FILES: dict[Part, str] = {
    **dict.fromkeys(FILES, "quiet.j2"),
    "title": FILES["title"],
    "html": "quiet.html.j2",
}
"""The same for what was kept quiet, or soon is no longer."""
REPORT_FILES: dict[Part, str] = {
    **dict.fromkeys(FILES, "report.j2"),
    "title": FILES["title"],
    "html": "report.html.j2",
}
"""The same for a report of a day or a week."""
_ALL = (FILES, DIGEST_FILES, ACT_FILES, QUIET_FILES, REPORT_FILES)
NAMES = tuple(dict.fromkeys(name for files in _ALL for name in files.values()))

_BUILT_IN = "builtin/"

Key = tuple[Language, str]
"""A template's language and the name of its file."""


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a template, and where it stands."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Templates:
    """All templates; two are equal where `own`, the user's, say the same."""

    folder: Path | None
    own: Mapping[Key, Source]
    compiled: Mapping[tuple[Language, str, Part], Template] = field(compare=False, repr=False)


def formats_of(name: str) -> tuple[Format, ...]:
    """Return the formats in which all that a template of this name writes is seen."""
    files = files_of(name)
    if name == files["title"]:
        return ("text",)
    if name == files["html"]:
        return ("email",)
    return tuple(format_ for format_ in DIALECTS if files[format_] == name)


def files_of(name: str) -> Mapping[Part, str]:
    """Return the files among which one stands: those of a digest, of an act, and so on."""
    return next((f for f in _ALL if name in f.values()), FILES)


def source_of(templates: Templates, language: Language, name: str) -> str:
    """Return the text of a template that is in force."""
    found = _find(templates.own, language, name)
    return found[0] if found else ""


def put_in_place(
    own: Mapping[Key, Source],
    folder: Path | None = None,
    undefined: type[Undefined] = StrictUndefined,
) -> Templates:
    """Use these in place of the built-in ones; `undefined` is what they meet that is not there."""
    return Templates(folder, own, _Compiled(own, undefined))


def environment_for(own: Mapping[Key, Source], language: Language, name: str) -> Environment:
    """Return that in which a template of this name is compiled; any of its parts is as good."""
    part = next(part for part, file in files_of(name).items() if file == name)
    return _environment(own, language, part, StrictUndefined)


class _Compiled(dict[tuple[Language, str, Part], Template]):
    """Compiles a template when it is first asked for: of all there are, few channels use some."""

    def __init__(self, own: Mapping[Key, Source], undefined: type[Undefined]) -> None:
        super().__init__()
        self._own = own
        self._undefined = undefined

    def __missing__(self, key: tuple[Language, str, Part]) -> Template:
        language, name, part = key
        env = _environment(self._own, language, part, self._undefined)
        template = self[key] = env.get_template(name)
        # A map of maps as it comes, which each rendering would look through to copy it.
        template.globals = dict(template.globals)
        return template


_OPEN = {
    kind: frozenset(name for name in dir(kind) if not name.startswith("_"))
    for kind in (View, AlertView, DigestView, KindView, Act, LoopContext)
}
"""What can be read of those that are frozen with only plain values inside, and of Jinja's loop."""


class _Sandbox(ImmutableSandboxedEnvironment):
    """The immutable sandbox, without its slow checks where there is nothing to break."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return an attribute of what templates see, or by the sandbox's rules of another value."""
        if attribute in _OPEN.get(type(obj), ()):
            return getattr(obj, attribute)
        return super().getattr(obj, attribute)


def _environment(
    own: Mapping[Key, Source], language: Language, part: Part, undefined: type[Undefined]
) -> _Sandbox:
    dialect = {"title": PLAIN, "html": HTML}.get(part) or DIALECTS[part]  # type: ignore[index]
    env = _Sandbox(
        loader=FunctionLoader(partial(_find, own, language)),
        undefined=undefined,
        autoescape=part == "html",
        finalize=None if dialect in {PLAIN, HTML} else _finalize(dialect),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["localtime"] = filters.localtime
    env.filters["duration"] = partial(filters.duration, language=language)
    env.filters["clip"] = filters.clip
    env.filters["heading"] = dialect.heading
    env.filters["strong"] = dialect.strong
    env.filters["link"] = partial(_link, dialect)
    env.filters["button"] = partial(_link, BUTTONS if part == "html" else dialect)
    env.filters.update(NUMBERS)
    env.globals["bullet"] = Markup(dialect.bullet)  # noqa: S704 -- our own
    env.globals["head"] = HEAD
    env.globals["words"] = LINKS[language] | FACTS[language]
    return env


def _find(
    own: Mapping[Key, Source], language: Language, name: str
) -> tuple[str, str, Callable[[], bool]] | None:
    """Find a template; `builtin/NAME` is what another one stands in the place of."""
    source = own.get((language, name))
    name = name.removeprefix(_BUILT_IN)
    if source is None and name in NAMES:
        path = FOLDER / language / name
        source = Source(str(path), path.read_text("utf-8"))
    return None if source is None else (source.text, source.path, lambda: True)


def _finalize(dialect: Dialect) -> Callable[[Any], Any]:
    """Escape every value unless a filter has already written it in the format's markup."""
    escape = dialect.escape
    return lambda value: escape(value) if type(value) is str or not _is_markup(value) else value


def _is_markup(value: Any) -> bool:
    return hasattr(value, "__html__")


def _link(dialect: Dialect, url: Any, text: str) -> str:
    """Write a link; what is no address of the web gives the text alone."""
    address = url if isinstance(url, filters.Address) else filters.web_link(str(url))
    return dialect.link(address, text) if address else text


BUILT_IN = put_in_place({})
