"""How each format writes a value, something strong and a link, so that no alert adds markup."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape as html
from typing import Any

from markupsafe import Markup

from receiver.channels.contract import Format
from receiver.channels.robot import CALL, call_nobody

_MARKDOWN = re.compile(r"[\\`*_~|]|\](?=\()|<(?=[A-Za-z/!?@])")
_DINGTALK = re.compile(f"{_MARKDOWN.pattern}|{CALL.pattern}")
_LINK_OR_TAG = re.compile(r"\](?=\()|<(?=[A-Za-z/!?@])")
_BROKEN = {"]": "] ", "<": "\N{FULLWIDTH LESS-THAN SIGN}", "@": "\N{FULLWIDTH COMMERCIAL AT}"}
_ENTITY = re.compile(r"[*~`<>]|&(?=#?\w+;)|\](?=\()")
_WECOM = {"`": "'", "#": "\N{FULLWIDTH NUMBER SIGN}", ">": "\N{FULLWIDTH GREATER-THAN SIGN}"}
_QUOTE = re.compile(r"^[#>]|`")


def markdown(value: Any) -> str:
    """Escape a value for Teams, so that it cannot become a link, image or tag.

    Emphasis is escaped with backslashes, as others do; what could mislead is broken up instead,
    since no chat documents that it honours them there.
    """
    return _MARKDOWN.sub(_break, str(value))


def dingtalk(value: Any) -> str:
    """Escape a value for DingTalk the same way, and break up what reads as a call of people."""
    return _DINGTALK.sub(_break, str(value))


def _break(found: re.Match[str]) -> str:
    return _BROKEN.get(found[0]) or f"\\{found[0]}"


def mrkdwn(value: Any) -> str:
    """Escape a value for Slack's mrkdwn (docs.slack.dev, formatting message text)."""
    return str(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def larkdown(value: Any) -> str:
    """Escape a value for Feishu's cards, whose documents ask for numbered entities."""
    return _ENTITY.sub(
        lambda found: _BROKEN["]"] if found[0] == "]" else f"&#{ord(found[0])};", str(value)
    )


def wecom(value: Any) -> str:
    """Break up what WeCom reads as a tag, a call, a link, code or a heading: it has no escapes.

    Asterisks stay, for they do no more than embolden.
    """
    text = _LINK_OR_TAG.sub(lambda found: _BROKEN[found[0]], str(value))
    return _QUOTE.sub(lambda found: _WECOM[found[0]], text)


def telegram(value: Any) -> str:
    """Escape a value for Telegram's HTML, in which also a bare @name would call a person."""
    return call_nobody(html(str(value)))


@dataclass(frozen=True, slots=True)
class Dialect:
    """A format's markup; `bold` and `anchor` are filled with what is already escaped."""

    escape: Callable[[Any], str] = str
    bold: str = "{}"
    anchor: str = "{text}: {url}"
    escape_url: Callable[[Any], str] = str
    bullet: str = ""
    head: str = ""

    def heading(self, title: Any) -> Markup:
        """Write the title, or nothing where it stands outside the body."""
        return Markup(self.head.format(self.escape(title)))  # noqa: S704 -- it is escaped

    def strong(self, value: Any) -> Markup:
        """Write something strong."""
        return Markup(self.bold.format(self.escape(value)))  # noqa: S704 -- it is escaped

    def link(self, url: str, text: str) -> Markup:
        """Write a link to a URL that `web_link` has passed."""
        words = {"url": self.escape_url(url), "text": self.escape(text)}
        return Markup(self.anchor.format(**words))  # noqa: S704 -- both parts are escaped


PLAIN = Dialect()
HTML = Dialect(html, "<strong>{}</strong>", '<a href="{url}">{text}</a>', html)
_LINK = "[{text}]({url})"
_ANCHOR = '<a href="{url}">{text}</a>'
DIALECTS: dict[Format, Dialect] = {
    "dingtalk": Dialect(dingtalk, "**{}**", _LINK, bullet="- ", head="### {}"),
    "slack": Dialect(mrkdwn, "*{}*", "<{url}|{text}>", mrkdwn, bullet="• "),
    "feishu": Dialect(larkdown, "**{}**", _LINK, bullet="- "),
    "wecom": Dialect(wecom, "**{}**", _LINK, bullet="- ", head="### {}"),
    "teams": Dialect(markdown, "**{}**", _LINK, bullet="- ", head="{}"),
    "telegram": Dialect(telegram, "<b>{}</b>", _ANCHOR, html, "• ", "<b>{}</b>"),
    "sms": Dialect(head="{}"),
    "email": PLAIN,
    "text": PLAIN,
}
