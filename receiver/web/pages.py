"""The inbox page, in the configured language; everything that came with an alert is escaped."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from receiver.incidents.oncall.shifts import Shift
from receiver.incidents.quality import Quality
from receiver.messages.filters import duration, localtime
from receiver.messages.view import View
from receiver.messages.words import LINKS, RESOLVED, SEVERITY, VERBS
from receiver.model import Language, Status
from receiver.reports.wording import Chapter
from receiver.severity import SEVERITIES
from receiver.store.handling import Handled
from receiver.store.incidents import STATES, Incident
from receiver.store.records import Notice, Posted
from receiver.store.timeline import Event
from receiver.web.blocks import split_body, split_title
from receiver.web.doing import DOING
from receiver.web.looks.chats import Look
from receiver.web.repairing import REPAIRING, RUNS_IN_WORDS
from receiver.web.ruling import RULING
from receiver.web.texts import KINDS, STATES_IN_WORDS, TEXTS, WEEKDAYS

STATIC = Path(__file__).parent / "static"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src {}; connect-src 'self';"
    " img-src data:; base-uri 'none'; form-action {}; frame-ancestors 'none'"
)
_LOOK = Markup((STATIC / "look.css").read_text("utf-8"))  # noqa: S704 -- our own
PAGE = 50
"""Messages on one page."""

# RFC 3986's characters, since a Chinese text puts its own marks right behind an address.
_ADDRESS = re.compile(r"(https?://[-\w.~:/?#\[\]@!$&()*+,;=%]*[-\w~/#@$&*+=%])", re.ASCII)
_LINK = Markup('<a href="{0}" rel="noopener noreferrer">{0}</a>')


def policy(styles: str = "'self'", forms: str = "'none'") -> str:
    """Return what a browser is told that a page may do.

    `styles` are where its styles are from, and `forms` where they may be sent to.
    """
    return _POLICY.format(styles, forms)


@dataclass(frozen=True, slots=True)
class Ask:
    """A response that asks people: what it would do, and until when they may agree."""

    run: int
    runbook: str
    target: str
    steps: tuple[str, ...]
    until: datetime


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody at an incident's page.

    How it stands, what it is about, if that is kept, what they may do, and what came of what
    they did. `asks` are responses to it, which they decide who `approves`.
    """

    incident: int
    person: str
    stands: Handled
    view: View | None
    verbs: tuple[str, ...]
    said: str
    worked: bool
    asks: tuple[Ask, ...] = ()
    approves: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """Incidents that were looked for by `query`, and the number from which older ones go on."""

    query: Mapping[str, str]
    found: Sequence[Incident]
    older: int | None


@dataclass(frozen=True, slots=True)
class Case:
    """An incident at its page: what it is about, if that is kept, and what happened to it.

    `names` calls each alert by its fingerprint; `verbs` is what the visitor may do, and `seal`
    shows that a form was written for them; `said` is what came of what they did.
    """

    incident: Incident
    view: View | None
    events: Sequence[Event]
    names: Mapping[str, str]
    verbs: tuple[str, ...]
    seal: str = ""
    said: str = ""
    worked: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """A schedule with its shifts and gaps from now on, the one that lasts first."""

    name: str
    zone: ZoneInfo
    shifts: Sequence[Shift]


@dataclass(frozen=True, slots=True)
class Bulletin:
    """A report at its page: what it is called, what time it is about, and all it says."""

    kind: str
    title: str
    span: str
    chapters: Sequence[Chapter]


class Pages:
    """Writes pages in one language and time zone."""

    def __init__(
        self, language: Language, timezone: str, *, several: bool = False, schedules: bool = False
    ) -> None:
        """With `several` inboxes each message says in which it is; `schedules` have a link."""
        self.language = language
        self.texts = TEXTS[language] | DOING[language] | REPAIRING[language] | RULING[language]
        self._environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.zone = ZoneInfo(timezone)
        self._environment.filters["local"] = partial(localtime, zone=self.zone)
        self._environment.filters["lasting"] = partial(duration, language=language)
        self._environment.filters.update(
            short=short, linked=linked, split_title=split_title, split_body=split_body
        )
        self._environment.globals.update(
            language=language.value,
            texts=self.texts,
            severities=SEVERITY[language],
            resolved=RESOLVED[language],
            RESOLVED=Status.RESOLVED.value,
            states_in_words=STATES_IN_WORDS[language],
            kinds=KINDS[language],
            runs_in_words=RUNS_IN_WORDS[language],
            verbs=VERBS[language],
            links=LINKS[language],
            several=several,
            schedules=schedules,
        )

    def write(self, template: str, **about: object) -> str:
        """Write a page by one of our templates."""
        return self._environment.get_template(template).render(about)

    def inbox(self, messages: Sequence[Posted], *, newest: bool) -> str:
        """Write the page; `newest` is the one that new messages are added to."""
        page = self._environment.get_template("inbox.html")
        return page.render(messages=messages, newest=newest, more=len(messages) == PAGE)

    def preview(
        self, channels: Sequence[str], samples: Sequence[str], latest: Sequence[Notice]
    ) -> str:
        """Write the page on which templates are tried, about samples or the latest incidents."""
        page = self._environment.get_template("preview.html")
        return page.render(channels=channels, samples=samples, latest=latest, languages=Language)

    def look(self, look: Look | None) -> str:
        """Write the page of a frame in which a message is as its chat shows it, if it has one."""
        return self.write("look.html", look=look, css=_LOOK) if look else ""

    def incident(self, visit: Visit) -> str:
        """Write the page on which one person acts on an incident."""
        return self._environment.get_template("incident.html").render(visit=visit)

    def sign_in(self, onward: str, *, who: str = "", wrong: bool = False) -> str:
        """Write the page on which a token is shown, after which `onward` is gone to."""
        page = self._environment.get_template("sign_in.html")
        root = "../" * (onward.partition("?")[0].count("/") - 1)
        return page.render(onward=onward, root=root, who=who, wrong=wrong)

    def cases(self, listing: Listing) -> str:
        """Write the list of incidents."""
        page = self._environment.get_template("cases.html")
        return page.render(listing=listing, states=STATES, colors=SEVERITIES)

    def case(self, case: Case) -> str:
        """Write the page of one incident, with all that happened to it."""
        return self._environment.get_template("case.html").render(case=case, root="../")

    def quality(self, rules: Sequence[Quality], last: timedelta) -> str:
        """Write how good the rules' alerts were in some time."""
        return self._environment.get_template("quality.html").render(rules=rules, days=last.days)

    def on_call(self, plans: Sequence[Plan], name: Callable[[str], str]) -> str:
        """Write the page of who is on call; `name` is what it calls somebody."""
        return self._environment.get_template("on_call.html").render(plans=plans, name=name)

    def report(self, bulletin: Bulletin) -> str:
        """Write the page of a report; printed, it is what a PDF of it should be."""
        return self._environment.get_template("report.html").render(bulletin=bulletin)

    def notice(self, said: str, root: str = "") -> str:
        """Write a page that has a sentence in place of messages: one of TEXTS.

        `root` is the way from its address to where our pages begin.
        """
        return self._environment.get_template("notice.html").render(said=said, root=root)

    def event(self, message: Posted) -> str:
        """Write one message as a server-sent event."""
        html = self._environment.get_template("message.html").render(message=message)
        data = "".join(f"data: {line}\n" for line in html.splitlines())
        return f"id: {message.id}\n{data}\n"


def short(at: datetime, zone: ZoneInfo, language: str, since: datetime | None = None) -> str:
    """Write a time to the minute with its day of the week, unless that is the one of `since`."""
    there = at.astimezone(zone)
    if since and since.astimezone(zone).date() == there.date():
        return f"{there:%H:%M}"
    return f"{WEEKDAYS[Language(language)][there.weekday()]} {there:%Y-%m-%d %H:%M}"


def linked(text: str) -> Markup:
    """Escape a text and make links of the web addresses in it."""
    pieces = _ADDRESS.split(text)
    for index in range(1, len(pieces), 2):
        pieces[index] = _LINK.format(pieces[index])
    return Markup().join(pieces)
