"""A line of a chat's markup as HTML; whatever is not known as markup is shown as it stands.

Each pattern is bounded, so that no text makes it look at all the rest again and again.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import unescape

from markupsafe import Markup, escape

from receiver.messages.filters import web_link

_COLORS = {"info": "#2e7d32", "comment": "#6b7280", "warning": "#c2410c"}
"""WeCom's three colours by their names."""


@dataclass(frozen=True)
class Inline:
    """Draws lines by rules, and a picture whose address is known with what it shows."""

    rules: Sequence["Rule"]
    pictures: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _any(self) -> re.Pattern[str]:
        return re.compile("|".join(f"(?:{rule.pattern.pattern})" for rule in self.rules))

    def draw(self, text: str) -> Markup:
        """Return the line as HTML; every character of it that is no markup is escaped."""
        drawn, at = Markup(), 0
        for found in self._any.finditer(text):
            drawn += escape(text[at : found.start()]) + self._one(found[0])
            at = found.end()
        return drawn + escape(text[at:])

    def _one(self, piece: str) -> Markup:
        matches = ((rule, rule.pattern.fullmatch(piece)) for rule in self.rules)
        return next(rule.draw(found, self) for rule, found in matches if found)


@dataclass(frozen=True)
class Rule:
    """A piece of markup and how it is drawn."""

    pattern: re.Pattern[str]
    draw: Callable[[re.Match[str], Inline], Markup]


def anchor(url: str, words: Markup) -> Markup:
    """Return a link of the web, or the words alone where it is none."""
    to = web_link(url)
    return Markup('<a href="{0}" title="{0}">{1}</a>').format(to, words) if to else words


def _picture(found: re.Match[str], inline: Inline) -> Markup:
    shown = inline.pictures.get(found[2])
    if shown is None:
        return Markup('<span class="picture">\N{FRAME WITH PICTURE} {}</span>').format(found[1])
    return Markup('<img src="{}" alt="{}">').format(shown, found[1])


def _font(found: re.Match[str], inline: Inline) -> Markup:
    color = _COLORS.get(found[1], found[1] if found[1].startswith("#") else "inherit")
    return Markup('<span style="color:{}">{}</span>').format(color, inline.draw(found[2]))


def _called(found: re.Match[str], _: Inline) -> Markup:
    return Markup('<span class="called">@{}</span>').format(found[1])


def _rule(pattern: str, draw: Callable[[re.Match[str], Inline], Markup]) -> Rule:
    return Rule(re.compile(pattern, re.ASCII), draw)


_ESCAPED = _rule(r"\\([!-/:-@\[-`{-~])", lambda found, _: escape(found[1]))
_BOLD = _rule(
    r"\*\*((?:\\.|[^\\\n]){1,2500}?)\*\*",
    lambda found, inline: Markup("<b>{}</b>").format(inline.draw(found[1])),
)
_ONE_STAR = _rule(
    r"(?<!\w)\*([^*\n]{1,2500})\*(?!\w)",
    lambda found, inline: Markup("<b>{}</b>").format(inline.draw(found[1])),
)
_CODE = _rule(r"`([^`\n]{1,500})`", lambda found, _: Markup("<code>{}</code>").format(found[1]))
_IMAGE = _rule(r"!\[([^\[\]\n]{0,500})\]\(([^)\s]{0,2000})\)", _picture)
_LINK = _rule(
    r"\[((?:\\.|[^\[\]\\\n]){1,500})\]\(([^)\s]{0,2000})\)",
    lambda found, inline: anchor(found[2], inline.draw(found[1])),
)
_SLACK_LINK = _rule(
    r"<(https?://[^|>\s]{1,2000})\|([^>\n]{1,500})>",
    lambda found, inline: anchor(unescape(found[1]), inline.draw(found[2])),
)
_FONT = _rule(r'<font color="?(#[0-9a-fA-F]{3,6}|[a-z]{1,20})"?>(.{0,500}?)</font>', _font)
_ENTITY = _rule(r"&(?:#\d{1,7}|[a-z]{1,8});", lambda found, _: escape(unescape(found[0])))

DINGTALK = (_ESCAPED, _IMAGE, _LINK, _BOLD, _FONT)
WECOM = (_LINK, _BOLD, _CODE, _FONT, _rule(r"<@([\w.@+-]{1,64})>", _called))
FEISHU = (
    *(_ESCAPED, _LINK, _BOLD, _FONT, _ENTITY),
    _rule(r"<at id=([\w.@+-]{1,64})></at>", _called),
)
TEAMS = (_ESCAPED, _LINK, _BOLD)
SLACK = (_SLACK_LINK, _ONE_STAR, _CODE, _ENTITY, _rule(r"<[@!#]([\w^|-]{1,64})>", _called))
"""The markup that each chat is known to show."""
