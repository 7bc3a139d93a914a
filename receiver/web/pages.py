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
from receiver.store.records import Posted
from receiver.web.texts import TEXTS

STATIC = Path(__file__).parent / "static"
PAGE = 50
"""Messages on one page."""

# RFC 3986's characters, since a Chinese text puts its own marks right behind an address.
_ADDRESS = re.compile(r"(https?://[-\w.~:/?#\[\]@!$&()*+,;=%]*[-\w~/#@$&*+=%])", re.ASCII)
_LINK = Markup('<a href="{0}" rel="noopener noreferrer">{0}</a>')


class Pages:
    """Writes pages in one language and time zone."""

    def __init__(self, language: Language, timezone: str) -> None:
        self.away = TEXTS[language]["away"]
        self._environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["local"] = partial(localtime, zone=ZoneInfo(timezone))
        self._environment.filters["linked"] = linked
        self._environment.globals.update(
            language=language.value,
            texts=TEXTS[language],
            severities=SEVERITY[language],
            resolved=RESOLVED[language],
            RESOLVED=Status.RESOLVED.value,
        )

    def inbox(self, messages: Sequence[Posted], *, newest: bool) -> str:
        """Write the page; `newest` is the one that new messages are added to."""
        page = self._environment.get_template("inbox.html")
        return page.render(messages=messages, newest=newest, more=len(messages) == PAGE)

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
