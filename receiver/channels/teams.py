"""Microsoft Teams by a workflow's webhook ("When a Teams webhook request is received").

Sources: learn.microsoft.com, Teams connector (about 28 KB a message), incoming webhooks (4 requests
a second) and Adaptive Cards' text features. A workflow says 202 before it has posted anything.
"""

import json
import re
from typing import Any, ClassVar

from aiohttp import ClientSession
from pydantic import Field
from yarl import URL

from receiver.channels.buttons import lift
from receiver.channels.contract import Channel, Draft, Format, name_destination
from receiver.channels.fitting import fit_body
from receiver.channels.posting import Answer, SecretUrl, is_page, post, refusal
from receiver.model import Message, Pace, SendError, Status

LONGEST_BODY = 20_000
"""Bytes of JSON: others met the limit at 21,000, and not at the 28 KB that are documented."""
_MOST_BUTTONS = 6
"""A card shows no more of them."""

_WITHIN = re.compile(r"returned HTTP error (\d{3})")
_OFF = re.compile(r"TriggerIsNotEnabled|WorkflowNotFound|WorkflowDisabled|FlowDisabled")
_COLORS = {"critical": "Attention", "high": "Attention", "error": "Attention"} | dict.fromkeys(
    ("warning", "medium"), "Warning"
)


class Teams(Channel):
    """A channel or chat of Teams, as an Adaptive Card."""

    format: ClassVar[Format] = "teams"
    limit: ClassVar[Pace | None] = Pace(4, 1)

    url: SecretUrl = Field(alias="url_file")

    @property
    def destination(self) -> str:
        """The webhook, which is what Teams counts by."""
        return name_destination("teams", self.url.get_secret_value())

    async def send(self, message: Message, http: ClientSession) -> None:
        """Post the message as a card; a 2xx is a success unless its text tells of an error."""
        body = self._body(lift(message, _MOST_BUTTONS))
        answer = await post(http, URL(self.url.get_secret_value()), body, self.timeout, {})
        said = self.clean(answer.text)
        if _OFF.search(answer.text):
            raise SendError("gone", f"the workflow is switched off or was deleted ({said})")
        if within := _WITHIN.search(answer.text):
            raise refusal(Answer(int(within[1]), answer.text, answer.retry_after), said)
        if not 200 <= answer.status < 300 or is_page(answer.text):
            raise refusal(answer, said)

    def draft(self, message: Message) -> Draft:
        """Return it without what does not fit, and with the buttons."""
        message = lift(message, _MOST_BUTTONS)
        card = json.loads(self._body(message))["attachments"][0]["content"]
        text = "\n\n".join(block["text"] for block in card["body"] if "text" in block)
        return Draft(message.title, text, message.links)

    def _body(self, message: Message) -> bytes:
        return fit_body(message, lambda text: _payload(message, text), LONGEST_BODY, self.language)


def _payload(message: Message, text: str) -> dict[str, Any]:
    over = message.status is Status.RESOLVED
    color = "Good" if over else _COLORS.get(message.severity.name, "Default")
    head, *blocks = [block for block in text.split("\n\n") if block.strip()] or [message.title]
    title = {"size": "Medium", "weight": "Bolder", "color": color}
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        # A block for each paragraph: a single line break counts within a list alone.
        "body": [_block(head) | title, *_picture(message), *(_block(block) for block in blocks)],
        "actions": [
            {"type": "Action.OpenUrl", "title": words, "url": url} for words, url in message.links
        ],
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": card}]}


def _picture(message: Message) -> list[dict[str, Any]]:
    link = {"type": "Image", "url": message.link, "altText": message.title, "size": "Stretch"}
    return [link] if message.link else []


def _block(text: str) -> dict[str, Any]:
    return {"type": "TextBlock", "text": text.strip("\n"), "wrap": True}
