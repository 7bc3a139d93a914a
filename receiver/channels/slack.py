"""Slack by an incoming webhook or by a bot's token.

Sources: docs.slack.dev, Block Kit and chat.postMessage; the total of 13,200 characters is
undocumented (slackapi/bolt-js issue 2509).
"""

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Self

from aiohttp import ClientSession
from pydantic import AfterValidator, Field, model_validator
from yarl import URL

from receiver.channels.contract import Channel, Format, name_destination
from receiver.channels.fitting import first_units, fit, units
from receiver.channels.posting import Answer, SecretUrl, check_url, post, refusal
from receiver.model import Language, Message, Pace, SendError
from receiver.settings import SecretFile

_HEADER = 150
_SECTION = 3_000
_BODY = 12_500
"""Characters of all sections together; what is left of the total is for header and fallback."""
_PAUSE = 30.0
"""Seconds to wait where Slack limits the rate without saying for how long."""

_WORDS = {
    "auth": """invalid_auth not_authed account_inactive token_revoked token_expired missing_scope
        not_allowed_token_type invalid_token no_service no_active_hooks no_team team_disabled
        no_permission access_denied""",
    "gone": "channel_not_found not_in_channel is_archived channel_is_archived",
    "forbidden": """action_prohibited posting_to_general_channel_denied restricted_action
        restricted_action_read_only_channel restricted_action_thread_only_channel
        restricted_action_non_threadable_channel ekm_access_denied""",
    "rejected": """invalid_payload invalid_blocks invalid_blocks_format invalid_arguments no_text
        user_not_found too_many_attachments missing_text_or_fallback_or_attachments""",
    "too_long": "msg_too_long msg_blocks_too_long",
    "throttled": "rate_limited ratelimited message_limit_exceeded",
    "server": "internal_error fatal_error service_unavailable request_timeout rollup_error",
}
REASONS = {word: reason for reason, words in _WORDS.items() for word in words.split()}
_PERMANENT = {"rejected", "too_long"}
_WORD = re.compile(r"[a-z_]+")


def escape(text: str) -> str:
    """Escape what Slack's markup reads as its own; without it a label could call a channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class Slack(Channel):
    """One channel of a workspace: `url_file`, or `token_file` with `channel`."""

    format: ClassVar[Format] = "slack"
    limit: ClassVar[Pace | None] = Pace(1, 1)

    url: SecretUrl | None = Field(default=None, alias="url_file")
    token: SecretFile | None = Field(default=None, alias="token_file")
    channel: str = ""
    api_url: Annotated[str, AfterValidator(check_url)] = "https://slack.com/api"

    @model_validator(mode="after")
    def _check_way(self) -> Self:
        if (self.url is None) == (self.token is None):
            raise ValueError("write either url_file or token_file with channel")
        if (self.token is None) != (not self.channel):
            raise ValueError("channel belongs to token_file; a webhook has its own")
        return self

    @property
    def destination(self) -> str:
        """The channel, as far as it can be told: a webhook has one of its own."""
        held = [part.get_secret_value() for part in (self.url, self.token) if part is not None]
        return name_destination("slack", self.api_url, *held, self.channel)

    async def send(self, message: Message, http: ClientSession) -> None:
        """Post the message as blocks; anything but Slack's own yes is a failure."""
        payload = payload_of(message, self.language)
        headers = {}
        if self.url is not None:
            url = URL(self.url.get_secret_value())
        else:
            url = URL(self.api_url.rstrip("/") + "/chat.postMessage")
            payload["channel"] = self.channel
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token.get_secret_value()}"
        body = json.dumps(payload).encode()
        answer = await post(http, url, body, self.timeout, headers)
        refused = _read_webhook(answer) if self.url is not None else _read_api(answer)
        if refused:
            raise classify(answer, self.clean(refused))

    async def examine(self, http: ClientSession) -> str:
        """Ask who the token is, or send a webhook nothing, which it refuses once it is known."""
        if self.token is not None:
            headers = {"Authorization": f"Bearer {self.token.get_secret_value()}"}
            url = URL(self.api_url.rstrip("/") + "/auth.test")
            answer = await post(http, url, b"{}", self.timeout, headers)
            refused = _read_api(answer)
        else:
            assert self.url is not None  # noqa: S101 -- the section demands one of both
            url = URL(self.url.get_secret_value())
            answer = await post(http, url, b"{}", self.timeout, {})
            refused = _read_webhook(answer)
            if REASONS.get(refused) == "rejected":
                refused = ""
        if refused:
            raise classify(answer, self.clean(refused))
        return "is known to Slack; only --send tells whether the channel takes a message"


def payload_of(message: Message, language: Language | None) -> dict[str, Any]:
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
    colored = [{"color": message.color, "blocks": sections}] if sections else []
    return {"text": escape(title), "blocks": [header], "attachments": colored}


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


def _read_webhook(answer: Answer) -> str:
    """Return what a webhook objects to; it says yes by the two letters `ok` alone."""
    yes = answer.status == 200 and answer.text == "ok"
    return "" if yes else answer.text.strip() or "no text"


def _read_api(answer: Answer) -> str:
    """Return what the Web API objects to: it answers 200 with `ok: false`."""
    try:
        reply = json.loads(answer.text)
    except ValueError:
        return answer.text or "no text"
    if not isinstance(reply, dict):
        return answer.text
    return "" if reply.get("ok") is True else str(reply.get("error", answer.text))


def classify(answer: Answer, word: str) -> SendError:
    """Say what Slack's word means; without a known one the HTTP status decides."""
    reason = REASONS.get(word)
    unsaid = reason is None and (answer.status != 200 or not _WORD.fullmatch(word))
    if answer.status == 429 or unsaid:
        return refusal(answer, word)
    pause = (answer.retry_after or _PAUSE) if reason == "throttled" else None
    detail = f"Slack answers {word}"
    permanent = reason in _PERMANENT
    return SendError(reason or "unknown", detail, permanent=permanent, retry_after=pause)
