"""What a message looks like in its chat: its frame, its text and its buttons."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from receiver.channels.contract import Draft, Format
from receiver.messages.filters import web_link
from receiver.model import Message
from receiver.web.looks import inline
from receiver.web.looks.inline import Inline, Rule
from receiver.web.looks.paragraphs import paragraphs
from receiver.web.looks.tags import telegram

_HEADED = {"slack", "feishu"}
_PICTURED = {"slack", "teams", "telegram"}
"""Chats that show a picture apart from the text."""
_Body = Callable[[str, Mapping[str, str]], Markup]


@dataclass(frozen=True, slots=True)
class Look:
    """One message as its chat shows it: `head` is the title, where it stands in the message.

    `picture` stands below the text, as a `data:` URL. `buttons` are (words, URL), of which a URL
    may be empty.
    """

    chat: Format
    color: str
    head: str
    body: Markup
    picture: str
    buttons: tuple[tuple[str, str], ...]


def look_of(chat: Format, draft: Draft, message: Message) -> Look | None:
    """Return how a chat shows what would be posted; None for a format that is plain text."""
    if chat not in _BODIES:
        return None
    encoded = base64.b64encode(message.picture or b"").decode()
    picture = f"data:image/png;base64,{encoded}" if encoded else ""
    pictures = {message.link: picture} if picture else {}
    return Look(
        chat=chat,
        color=message.color,
        head=draft.title if chat in _HEADED else "",
        body=_BODIES[chat](draft.text, pictures),
        picture=picture if chat in _PICTURED else "",
        buttons=tuple((words, web_link(url)) for words, url in draft.buttons),
    )


def _markdown(rules: tuple[Rule, ...], *, breaks: bool) -> _Body:
    def draw(text: str, pictures: Mapping[str, str]) -> Markup:
        return paragraphs(text, Inline(rules, pictures).draw, breaks=breaks)

    return draw


def _slack(text: str, _: Mapping[str, str]) -> Markup:
    return Inline(inline.SLACK).draw(text)


def _telegram(text: str, _: Mapping[str, str]) -> Markup:
    return telegram(text)


_BODIES: Mapping[Format, _Body] = {
    "dingtalk": _markdown(inline.DINGTALK, breaks=False),
    "feishu": _markdown(inline.FEISHU, breaks=True),
    "wecom": _markdown(inline.WECOM, breaks=True),
    "teams": _markdown(inline.TEAMS, breaks=False),
    "telegram": _telegram,
    "slack": _slack,
}
