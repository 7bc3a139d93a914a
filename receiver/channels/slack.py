"""Slack by an incoming webhook, or by a bot's token, which changes its message of an incident.

Sources: docs.slack.dev, incoming webhooks, chat.postMessage, chat.update and chat.postEphemeral.
"""

import json
import re
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import urlencode

from aiohttp import ClientSession
from pydantic import AfterValidator, Field, model_validator
from yarl import URL

from receiver.channels.blocks import calling, escape, payload_of, reply_of
from receiver.channels.contract import Channel, Draft, Format, name_destination
from receiver.channels.posting import Answer, SecretUrl, check_url, post, refusal
from receiver.model import Message, Pace, SendError
from receiver.settings import SecretFile

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
    "unchangeable": """message_not_found thread_not_found edit_window_closed cant_update_message
        update_failed""",
    "server": "internal_error fatal_error service_unavailable request_timeout rollup_error",
}
_UNCHANGEABLE = "unchangeable"
REASONS = {word: reason for reason, words in _WORDS.items() for word in words.split()}
_PERMANENT = {"rejected", "too_long"}
_SCOPES = {"chat:write": "for every message", "files:write": "for pictures"}
_WORD = re.compile(r"[a-z_]+")


class Slack(Channel):
    """One channel of a workspace: `url_file`, or `token_file` with `channel`."""

    format: ClassVar[Format] = "slack"
    limit: ClassVar[Pace | None] = Pace(1, 1)

    url: SecretUrl | None = Field(default=None, alias="url_file")
    token: SecretFile | None = Field(default=None, alias="token_file")
    channel: str = ""
    signing: SecretFile | None = Field(default=None, alias="signing_secret_file")
    api_url: Annotated[str, AfterValidator(check_url)] = "https://slack.com/api"

    @model_validator(mode="after")
    def _check_way(self) -> Self:
        if (self.url is None) == (self.token is None):
            raise ValueError("write either url_file or token_file with channel")
        if self.url is not None and self.channel:
            raise ValueError("channel belongs to token_file; a webhook has its own")
        if self.token is not None and not self.channel:
            raise ValueError("channel is missing; write where the bot posts, like '#ops'")
        if self.token is not None and "://" in self.token.get_secret_value():
            raise ValueError("token_file holds a URL; a webhook's stands in url_file")
        if self.signing is not None and self.token is None:
            raise ValueError("signing_secret_file is for buttons, which need token_file")
        return self

    @property
    def destination(self) -> str:
        """The channel, as far as it can be told: a webhook has one of its own."""
        held = [part.get_secret_value() for part in (self.url, self.token) if part is not None]
        return name_destination("slack", self.api_url, *held, self.channel)

    @property
    def changes(self) -> bool:
        """Whether it changes its messages: a webhook is never told where they are."""
        return self.token is not None

    @property
    def clickable(self) -> bool:
        """Whether it has buttons: whose click it is Slack proves by a signature."""
        return self.signing is not None

    async def send(self, message: Message, http: ClientSession) -> str | None:
        """Post the message as blocks; anything but Slack's own yes is a failure.

        With a token an incident has one message, which is brought up to date, and a reply to it
        for each change, and for what joined it. Whoever looks at the channel sees those of alerts
        that fire there too, since nobody is told that a message was changed.
        """
        payload = payload_of(message, self.language, buttons=self.clickable)
        if self.url is not None:
            called = calling(message, payload)
            answer = await self._post(self.url.get_secret_value(), called, http)
            self._demand(answer, _read_webhook(answer))
            return None
        stands = message.place and (message.joined or await self._change(message, payload, http))
        if stands and await self._reply(message, http):
            return message.place
        said = calling(message, payload) | {"channel": self.channel}
        said = await self._call("chat.postMessage", said, http)
        return f"{said['channel']} {said['ts']}" if {"channel", "ts"} <= said.keys() else None

    def draft(self, message: Message) -> Draft:
        """Return it without what does not fit, and with the buttons."""
        payload = payload_of(message, self.language, buttons=self.clickable)
        blocks = [each for part in payload["attachments"] for each in part["blocks"]]
        text = "\n".join(each["text"]["text"] for each in blocks if "text" in each)
        said = [each for block in blocks for each in block.get("elements", ())]
        buttons = tuple((each["text"]["text"], "") for each in said)
        return Draft(payload["blocks"][0]["text"]["text"], text, buttons)

    @property
    def attaches(self) -> bool:
        """Whether it uploads pictures: a webhook cannot."""
        return self.token is not None

    async def illustrate(self, message: Message, http: ClientSession) -> None:
        """Upload the picture into the thread of its message, for which Slack wants three calls.

        The token needs the scope files:write.
        """
        channel, _, ts = message.place.partition(" ")
        picture = message.picture or b""
        wanted = {"filename": "alert.png", "length": len(picture), "alt_txt": message.title[:1_000]}
        said = await self._call("files.getUploadURLExternal", urlencode(wanted), http)
        try:
            file, url = str(said["file_id"]), URL(check_url(str(said["upload_url"])))
        except (KeyError, ValueError) as error:
            raise SendError("unexpected", f"no address for the picture: {error}") from None
        answer = await post(http, url, picture, self.timeout, {"Content-Type": "image/png"})
        if answer.status != 200:
            raise refusal(answer, "the picture is not taken")
        shared = {"files": [{"id": file}], "channel_id": channel, "thread_ts": ts}
        await self._call("files.completeUploadExternal", shared, http)

    async def amend(self, message: Message, http: ClientSession) -> None:
        """Change the message where it stands; one that cannot be changed any longer is left."""
        payload = payload_of(message, self.language, buttons=self.clickable)
        await self._change(message, payload, http)

    async def whisper(self, channel: str, user: str, text: str, http: ClientSession) -> None:
        """Tell one member something in one of Slack's channels that nobody else sees there."""
        said = {"channel": channel, "user": user, "text": escape(text)}
        await self._call("chat.postEphemeral", said, http)

    async def _change(self, message: Message, payload: dict[str, Any], http: ClientSession) -> bool:
        """Bring the message at a place up to date; false where Slack has it no more."""
        channel, _, ts = message.place.partition(" ")
        return await self._at("chat.update", payload | {"channel": channel, "ts": ts}, http)

    async def _reply(self, message: Message, http: ClientSession) -> bool:
        """Answer the message at its place; false where Slack has it no more."""
        channel, _, ts = message.place.partition(" ")
        said = reply_of(message) if message.brief else payload_of(message, self.language)
        here = {"channel": channel, "thread_ts": ts, "reply_broadcast": message.calls}
        return await self._at("chat.postMessage", calling(message, said) | here, http)

    async def _at(self, method: str, payload: dict[str, Any], http: ClientSession) -> bool:
        """Do something at a message; false where Slack has it no more."""
        try:
            await self._call(method, payload, http)
        except SendError as error:
            if error.reason != _UNCHANGEABLE:
                raise
            return False
        return True

    async def _call(
        self, method: str, payload: dict[str, Any] | str, http: ClientSession
    ) -> dict[str, Any]:
        """Call the Web API with JSON, or with a form; returns what it answers besides its yes."""
        answer = await self._post(f"{self.api_url.rstrip('/')}/{method}", payload, http)
        self._demand(answer, _read_api(answer))
        said: dict[str, Any] = json.loads(answer.text)
        return said

    async def _post(self, url: str, payload: dict[str, Any] | str, http: ClientSession) -> Answer:
        held, form = self.token, isinstance(payload, str)
        headers = {"Authorization": f"Bearer {held.get_secret_value()}"} if held else {}
        body = payload if isinstance(payload, str) else json.dumps(payload)
        kind = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
        return await post(http, URL(url), body.encode(), self.timeout, headers | kind)

    def _demand(self, answer: Answer, refused: str) -> None:
        if refused:
            raise classify(answer, self.clean(refused))

    async def examine(self, http: ClientSession) -> str:
        """Ask who the token is, or send a webhook nothing, which it refuses once it is known."""
        if self.url is not None:
            answer = await self._post(self.url.get_secret_value(), {}, http)
            refused = _read_webhook(answer)
            self._demand(answer, "" if REASONS.get(refused) == "rejected" else refused)
        else:
            answer = await self._post(f"{self.api_url.rstrip('/')}/auth.test", {}, http)
            self._demand(answer, _read_api(answer))
            _demand_scopes(answer)
        return "is known to Slack; only --send tells whether the channel takes a message"


def _demand_scopes(answer: Answer) -> None:
    """Object to a token that lacks a scope; Slack says in a header which ones it has.

    https://docs.slack.dev/authentication/installing-with-oauth
    """
    said = {scope.strip() for scope in answer.headers.get("X-OAuth-Scopes", "").split(",")}
    missing = _SCOPES.keys() - said
    if missing and not said & {"", "bot"}:  # an old bot's scope stands for all
        detail = " and ".join(f"{each} ({_SCOPES[each]})" for each in sorted(missing))
        raise SendError("rejected", f"the token lacks {detail}; add it to the app", permanent=True)


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
