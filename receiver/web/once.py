"""A change that is asked for twice with one `Idempotency-Key` is made once, and answered alike.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

import hashlib
import logging
import re
from collections.abc import Awaitable, Callable

from aiohttp import web

from receiver.store.replies import Mark, Reply, Stands
from receiver.store.schema import StoreUnavailableError
from receiver.web.answers import demand, read_small
from receiver.web.auth import Scope
from receiver.web.keys import SITE
from receiver.web.problems import Place, Refusal, problem

_LOG = logging.getLogger(__name__)

HEADER = "Idempotency-Key"
PATTERN = r'^(?:"[ !#-\[\]-~]{1,200}"|[!#-\[\]-~]{1,200})$'
"""A text in quotes, as the draft has it, or a word without, as many clients send it."""
REFUSALS = (408, 409, 413, 422)
AGAIN = "Idempotency-Replayed"
"""A header of an answer that was given before."""
_KEY = re.compile(PATTERN)
_PLACE = Place("header", HEADER)
_PASSING = {408, 425, 429}
"""Refusals that say to try again, as whatever is from 500 on does."""
_STANDS = {
    Stands.UNDER_WAY: (409, "the request that came first with this key is still under way"),
    Stands.OTHER: (422, "this key was used for another request within a day; make a new one"),
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def once(handler: Handler, scope: Scope) -> Handler:
    """Have a handler that changes something act once for each key of a token."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if HEADER not in request.headers:
            return await handler(request)
        who, store = demand(request, scope), request.app[SITE].store
        mark = Mark(_hashed(who, _key(request)), await _asked(request), store.now())
        stands = await store.replies.begin(mark)
        if isinstance(stands, Reply):
            headers = {AGAIN: "true"} | ({"Content-Type": stands.kind} if stands.body else {})
            return web.Response(body=stands.body, status=stands.status, headers=headers)
        return await _act(request, handler, mark) if stands is None else _refusal(stands)

    return answer


async def _act(request: web.Request, handler: Handler, mark: Mark) -> web.StreamResponse:
    replies = request.app[SITE].store.replies
    reply: Reply | None = None
    try:
        answer = await _answer(request, handler)
        reply = _reply(answer)
    finally:
        try:
            await (replies.keep(mark, reply) if reply else replies.drop(mark))
        except StoreUnavailableError as error:  # what was done is done, and is answered so
            _LOG.warning("%s %s: its key was not kept: %s", request.method, request.path, error)
    return answer


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as refusal:
        return web.Response(body=refusal.body, status=refusal.status, headers=refusal.headers)


def _reply(answer: web.StreamResponse) -> Reply | None:
    """Return what is kept of an answer; none where the same request may fare better later."""
    if answer.status >= web.HTTPInternalServerError.status_code or answer.status in _PASSING:
        return None
    body = answer.body if isinstance(answer, web.Response) else None
    kind = answer.headers.get("Content-Type", "application/octet-stream")
    return Reply(answer.status, kind, body if isinstance(body, bytes) else b"")


def _refusal(stands: Stands) -> web.Response:
    status, said = _STANDS[stands]
    return problem(status, said, _PLACE)


def _key(request: web.Request) -> str:
    key = request.headers[HEADER].strip()
    if len(request.headers.getall(HEADER)) > 1 or not _KEY.fullmatch(key):
        said = f"{HEADER}: write one, of at most 200 letters, digits and signs, best in quotes"
        raise Refusal(400, said, _PLACE)
    return key.strip('"')


async def _asked(request: web.Request) -> str:
    body = await read_small(request)
    return _hashed(request.method, request.path_qs, body)


def _hashed(*parts: str | bytes) -> str:
    """Hash parts so that no two lists of them look alike."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part if isinstance(part, bytes) else part.encode("utf-8", "surrogateescape")
        digest.update(len(raw).to_bytes(8, "big") + raw)
    return digest.hexdigest()
