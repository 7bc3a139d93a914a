"""One message, whether it tells of one notification or of several that waited."""

import base64
from collections.abc import Sequence
from datetime import datetime

from receiver.channels.mailing import pictures_of
from receiver.messages.custody import NOBODY, Custody
from receiver.messages.digest import digest
from receiver.messages.library import Templates
from receiver.messages.render import Rendered, Style, render
from receiver.messages.samples import START
from receiver.model import UNKNOWN, Background, Message, Notification


def write(
    told: Sequence[Notification],
    style: Style,
    templates: Templates,
    now: datetime,
    background: Background = UNKNOWN,
    custody: Custody = NOBODY,
) -> Rendered:
    """Write what is only looked at; a digest waited since the samples began."""
    if len(told) > 1:
        numbers = range(1, len(told) + 1)
        return digest(
            told,
            style,
            key="",
            since=START,
            templates=templates,
            incidents=numbers,
            pictures=[background.picture],
        )
    return render(
        told[0],
        style,
        key="",
        thread="",
        now=now,
        templates=templates,
        background=background,
        custody=custody,
    )


def page_of(message: Message) -> str:
    """Return the page of a mail with its pictures within, since no mail goes with it."""
    page = message.html
    for cid, picture in pictures_of(message):
        encoded = base64.b64encode(picture).decode()
        page = page.replace(f"cid:{cid}", f"data:image/png;base64,{encoded}")
    return page
