"""POST /slack/actions: a click on a button of ours, which Slack signs.

https://docs.slack.dev/authentication/verifying-requests-from-slack and
https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
"""

import asyncio
import hashlib
import hmac
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

import orjson
from aiohttp import web

from receiver.channels.blocks import ACTIONS
from receiver.channels.slack import Slack
from receiver.incidents.acting import Actor, Result
from receiver.incidents.people import known_at_slack
from receiver.messages.words import EXTENSIONS, VERDICTS
from receiver.model import Language, SendError
from receiver.web.answers import read_body
from receiver.web.doing import DOING
from receiver.web.keys import SITE, Desk, Site
from receiver.web.problems import problem
from receiver.web.replying import reply
from receiver.web.texts import TEXTS

_LOG = logging.getLogger(__name__)

WINDOW = 300.0
"""Seconds by which a request's time may differ from our clock."""
_PATIENCE = 2.0
"""Seconds: where no answer came within three, Slack tells its user that it failed."""
_UNTOLD = frozenset((*VERDICTS, *EXTENSIONS))
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Click:
    """Who clicked on what, in which of Slack's channels."""

    user: str
    channel: str
    verb: str
    incident: int


async def click(request: web.Request) -> web.Response:
    """Take a click; what comes of it is told in the chat, where the person looks.

    What acts does so beside the answer: an Alertmanager that hangs must not keep Slack waiting.
    """
    site = request.app[SITE]
    body = await read_body(request)
    signed = next((each for each in _slacks(site) if is_signed(each, request.headers, body)), None)
    if signed is None or site.desk is None:
        return problem(403, "not signed with the signing secret of a channel, or not now")
    try:
        clicked = read(body)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return problem(400, f"not what Slack posts: {error!r:.80}")
    if clicked is not None:
        work = asyncio.ensure_future(_act(site, site.desk, signed, clicked))
        site.under_way.add(work)
        work.add_done_callback(site.under_way.discard)
        await asyncio.wait([work], timeout=_PATIENCE)
    return web.Response()


def _slacks(site: Site) -> list[Slack]:
    channels = (outlet.channel for outlet in site.outlets.values())
    return [channel for channel in channels if isinstance(channel, Slack) and channel.signing]


def is_signed(channel: Slack, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether a request is signed with the channel's signing secret, and not long ago."""
    stamp = headers.get("X-Slack-Request-Timestamp", "")
    if channel.signing is None or not (stamp.isascii() and stamp.isdecimal()) or len(stamp) > 12:
        return False
    secret = channel.signing.get_secret_value().encode()
    digest = hmac.new(secret, b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    shown = headers.get("X-Slack-Signature", "").encode("utf-8", "surrogateescape")
    return hmac.compare_digest(f"v0={digest}".encode(), shown) and (
        abs(time.time() - int(stamp)) <= WINDOW
    )


def read(body: bytes) -> Click | None:
    """Read the form that Slack posts; None where it is about no button of ours.

    Raises AttributeError, KeyError, TypeError or ValueError for what is none of Slack's.
    """
    payload = orjson.loads(parse_qs(body.decode())["payload"][0])
    actions = payload["actions"] if payload["type"] == "block_actions" else []
    ours = [action for action in actions if action.get("block_id") == ACTIONS]
    if not ours:
        return None
    incident = int(ours[0]["value"])
    if not 0 < incident <= _LARGEST_ID:
        raise ValueError("no incident has this number")
    user, place = payload["user"]["id"], payload["container"]["channel_id"]
    return Click(str(user), str(place), str(ours[0]["action_id"]), incident)


async def _act(site: Site, desk: Desk, channel: Slack, clicked: Click) -> None:
    """Do it, and tell whoever clicked where nothing that all can see comes of it."""
    person = desk.people.get(known_at_slack(desk.people, clicked.user))
    actor = Actor(person.name if person else f"slack {clicked.user:.40}", person)
    result = await reply(site, desk, actor, clicked.incident, clicked.verb)
    said = words_of(result, channel.language or Language.EN)
    told = clicked.verb not in _UNTOLD and not result.reason  # of the rest all are told
    if result.outcome == "done" and told:
        return
    try:
        await channel.whisper(clicked.channel, clicked.user, said, desk.http)
    except SendError as error:
        _LOG.warning("%s was not told in Slack: %s; it was: %s", actor.name, error, said)


def words_of(result: Result, language: Language) -> str:
    """Say what came of an act in one sentence."""
    texts = TEXTS[language]
    if result.outcome == "already" and result.act:
        return f"{texts['already']} {result.act.who}."
    if result.outcome == "failed":
        return f"{texts['failed_act']}: {result.reason}"
    if result.outcome == "done" and result.act and result.act.verb == "extend" and result.act.until:
        return f"{texts['done']} {texts['until']} {result.act.until:%Y-%m-%d %H:%M} UTC."
    said = texts | DOING[language]  # of a silence that is gone
    return said.get(result.reason or result.outcome, result.reason)
