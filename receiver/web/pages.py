"""The inbox page, in the configured language; everything that came with an alert is escaped."""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from receiver.messages.filters import localtime
from receiver.messages.words import RESOLVED, SEVERITY
from receiver.model import Language, Status
from receiver.store.records import Notice, Posted
from receiver.web.blocks import split_body, split_title
from receiver.web.texts import TEXTS

STATIC = Path(__file__).parent / "static"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src {}; connect-src 'self';"
    " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE = 50
"""Messages on one page."""

# RFC 3986's characters, since a Chinese text puts its own marks right behind an address.
_ADDRESS = re.compile(r"(https?://[-\w.~:/?#\[\]@!$&()*+,;=%]*[-\w~/#@$&*+=%])", re.ASCII)
_LINK = Markup('<a href="{0}" rel="noopener noreferrer">{0}</a>')


def policy(styles: str = "'self'") -> str:
    """Return what a browser is told that a page may do; `styles` are where its styles are from."""
    return _POLICY.format(styles)


class Pages:
    """Writes pages in one language and time zone."""

    def __init__(self, language: Language, timezone: str, *, several: bool = False) -> None:
        """`several` inboxes: each message says in which it is."""
        self._environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["local"] = partial(localtime, zone=ZoneInfo(timezone))
        self._environment.filters.update(
            linked=linked, split_title=split_title, split_body=split_body
        )
        self._environment.globals.update(
            language=language.value,
            texts=TEXTS[language],
            severities=SEVERITY[language],
            resolved=RESOLVED[language],
            RESOLVED=Status.RESOLVED.value,
            several=several,
        )

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

    def notice(self, said: str) -> str:
        """Write a page that has a sentence in place of messages: one of TEXTS."""
        return self._environment.get_template("notice.html").render(said=said)

    def event(self, message: Posted) -> str:
        """Write one message as a server-sent event."""
        html = self._environment.get_template("message.html").render(message=message)
        data = "".join(f"data: {line}\n" for line in html.splitlines())
        return f"id: {message.id}\n{data}\n"


def linked(text: str) -> Markup:
    """Escape a text and make links of the web addresses in it."""
    pieces = _ADDRESS.split(text)
    for index in range(1, len(pieces), 2):
        pieces[index] = _LINK.format(pieces[index])
    return Markup().join(pieces)
