"""Slack's Block Kit: header and coloured sections within all of its limits.

Sources: docs.slack.dev, Block Kit; the total of 13,200 characters is undocumented
(slackapi/bolt-js issue 2509).
"""

from collections.abc import Iterator
from typing import Any

from receiver.channels.fitting import first_units, fit, units
from receiver.model import Language, Message

ACTIONS = "tocsin"
"""The block whose buttons are ours."""
_HEADER = 150
_SECTION = 3_000
_BODY = 12_500
"""Characters of all sections together; what is left of the total is for header and fallback."""


def escape(text: str) -> str:
    """Escape what Slack's markup reads as its own; without it a label could call a channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def payload_of(
    message: Message, language: Language | None, *, buttons: bool = False
) -> dict[str, Any]:
    """Build header, coloured sections and the text of the pop-up, within Slack's limits."""
    body = fit(message.body, _fits, language)
    title = first_units(message.title, _HEADER)
    # A header's text is not markup, so entities might show: no `<` at all leaves no doubt.
    plain = title.replace("<", "\N{FULLWIDTH LESS-THAN SIGN}")
    header = {"type": "header", "text": {"type": "plain_text", "text": plain, "emoji": True}}
    sections = [
        {"type": "section", "text": {"type": "mrkdwn", "text": part, "verbatim": True}}
        for part in _split(body)
    ]
    if buttons and message.buttons and message.incident:
        sections.append(_actions(message))
    colored = [{"color": message.color, "blocks": sections}] if sections else []
    return {"text": escape(title), "blocks": [header], "attachments": colored}


def reply_of(message: Message) -> dict[str, Any]:
    """Build an answer in the thread that says in few words what somebody did."""
    brief = first_units(message.brief, _SECTION)
    section = {"type": "section", "text": {"type": "mrkdwn", "text": brief, "verbatim": True}}
    return {"text": escape(first_units(message.title, _HEADER)), "blocks": [section]}


def calling(message: Message, payload: dict[str, Any]) -> dict[str, Any]:
    """Add those whom the message calls by name, where it calls."""
    called = " ".join(f"<@{each.slack}>" for each in message.asked if each.slack)
    if not called or not message.calls:
        return payload
    section = {"type": "section", "text": {"type": "mrkdwn", "text": called}}
    return payload | {"blocks": [*payload["blocks"], section]}


def _actions(message: Message) -> dict[str, Any]:
    """Build the buttons; what a click tells is the verb and the number of the incident."""
    buttons = [
        {
            "type": "button",
            "action_id": verb,
            "value": str(message.incident),
            "text": {"type": "plain_text", "text": words, "emoji": True},
        }
        for verb, words in message.buttons
    ]
    return {"type": "actions", "block_id": ACTIONS, "elements": buttons}


def _fits(text: str) -> bool:
    return units(text) <= _BODY and all(units(line) <= _SECTION for line in text.split("\n"))


def _split(text: str) -> Iterator[str]:
    """Cut at line ends into pieces that a section can hold; `fit` has cut longer lines."""
    piece = ""
    for line in text.split("\n"):
        if piece and units(piece) + 1 + units(line) > _SECTION:
            yield piece
            piece = ""
        piece = f"{piece}\n{line}" if piece else line
    if piece.strip():
        yield piece
