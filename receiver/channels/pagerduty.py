"""PagerDuty's Events API v2: an incident that opens with the alert and is closed with it.

Source of fields, limits and answers: developer.pagerduty.com, Events API v2, alert events and
change events.
"""

import json
import re
from typing import Annotated, Any, ClassVar

from aiohttp import ClientSession
from pydantic import AfterValidator, Field
from yarl import URL

from receiver.channels.contract import Channel, Format, name_destination
from receiver.channels.fitting import first_units, fit_body
from receiver.channels.posting import Answer, check_url, post, refusal
from receiver.model import Message, Pace, SendError, Status
from receiver.settings import SecretFile

LONGEST_BODY = 512_000
_SUMMARY, _KEY, _SOURCE = 1_024, 255, 255

# PagerDuty knows four severities; a word of the user's own is a warning, as in all messages.
_SEVERITIES = {
    "critical": "critical",
    "high": "error",
    "error": "error",
    "low": "info",
    "info": "info",
    "none": "info",
}
_CHANGES = re.compile(r"enqueue$")
_ROUTING = re.compile(r"routing.?key|integration.?key", re.IGNORECASE)


class PagerDuty(Channel):
    """One service; messages of one incident here are one incident there.

    A digest would open an incident that nothing closes, so each message is sent for itself, and
    what is about no one incident is told as a change, which calls nobody.
    """

    format: ClassVar[Format] = "text"
    limit: ClassVar[Pace | None] = Pace(120, 60)
    gathers: ClassVar[bool] = False
    keeps_open: ClassVar[bool] = True

    key: SecretFile = Field(alias="key_file")
    url: Annotated[str, AfterValidator(check_url)] = "https://events.pagerduty.com/v2/enqueue"

    @property
    def destination(self) -> str:
        """The integration, which is what PagerDuty counts by."""
        return name_destination("pagerduty", self.url, self.key.get_secret_value())

    async def send(self, message: Message, http: ClientSession) -> None:
        """Open the incident, tell it again, take it, or close it; only 202 is a success."""
        write = self._change if message.apart else self._event
        body = fit_body(message, lambda text: write(message, text), LONGEST_BODY, self.language)
        url = URL(self.url)
        if message.apart:
            url = url.with_path(_CHANGES.sub("change/enqueue", url.path))
        answer = await post(http, url, body, self.timeout, {})
        if answer.status != 202:
            raise self._failure(answer)

    def _event(self, message: Message, text: str) -> dict[str, Any]:
        return {
            "routing_key": self.key.get_secret_value(),
            "event_action": _action(message),
            "dedup_key": message.thread[:_KEY],
            "client": "tocsin",
            "links": _links(message),
            "images": [{"src": message.link, "alt": message.title}] if message.link else [],
            "payload": {
                **_payload(message, text),
                "severity": _SEVERITIES.get(message.severity.name, "warning"),
            },
        }

    def _change(self, message: Message, text: str) -> dict[str, Any]:
        return {
            "routing_key": self.key.get_secret_value(),
            "links": _links(message),
            "payload": _payload(message, text),
        }

    def _failure(self, answer: Answer) -> SendError:
        said = self.clean(_read(answer.text))
        if answer.status == 400 and _ROUTING.search(said):
            return SendError("auth", f"no integration has this key; copy it again ({said})")
        return refusal(answer, said)


def _payload(message: Message, text: str) -> dict[str, Any]:
    return {
        "summary": first_units(message.title, _SUMMARY),
        "source": first_units(", ".join(message.hosts), _SOURCE) or "tocsin",
        "custom_details": {"text": text},
    }


def _links(message: Message) -> list[dict[str, str]]:
    return [{"href": url, "text": words} for words, url in message.links]


def _action(message: Message) -> str:
    """Return what is to be done there: what somebody took here is taken there too."""
    if message.status is Status.RESOLVED:
        return "resolve"
    return "acknowledge" if message.act == "acknowledge" else "trigger"


def _read(text: str) -> str:
    """Return what of an answer says why: its message with its errors."""
    try:
        reply = json.loads(text)
    except ValueError:
        return text
    if not isinstance(reply, dict) or "message" not in reply:
        return text
    errors = reply.get("errors")
    more = [str(error) for error in errors] if isinstance(errors, list) else []
    return "; ".join([str(reply["message"]), *more])
