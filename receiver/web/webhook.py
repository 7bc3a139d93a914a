"""POST /webhook/alertmanager and /webhook/grafana: 200 means that the webhook is on disk.

Alertmanager tries again after 5xx and nothing else, so trouble of our own is 503; a 4xx says
that the same request would be refused again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import orjson
from aiohttp import hdrs, web

from receiver.intake.webhook import ParseError
from receiver.store.schema import StoreUnavailableError
from receiver.web.answers import demand, unavailable
from receiver.web.auth import Scope
from receiver.web.keys import SITE
from receiver.web.problems import CONTENT_TYPE, Place, Refusal, in_body, problem
from receiver.web.unpacking import CODINGS, PackedError, TooLargeError, unpack

_LOG = logging.getLogger(__name__)

MAX_BODY = 16 * 1024 * 1024
_BODY_TIMEOUT = 30.0


async def receive(request: web.Request) -> web.Response:
    """Take Alertmanager's webhook, and count the answer."""
    return await _counted(request, _take_from_alertmanager)


async def receive_from_grafana(request: web.Request) -> web.Response:
    """Take Grafana's webhook, which may be signed instead of showing a token."""
    return await _counted(request, _take_from_grafana)


async def _counted(
    request: web.Request, take: Callable[[web.Request], Awaitable[web.Response]]
) -> web.Response:
    try:
        answer = await take(request)
    except ParseError as error:
        answer = problem(400, str(error), in_body(*error.steps, detail=error.problem))
    except StoreUnavailableError as error:
        _LOG.warning("the store is unavailable: %s", error)
        answer = unavailable(error)
    except web.HTTPException as refusal:
        _count(request, refusal)
        raise
    _count(request, answer)
    return answer


async def _take_from_alertmanager(request: web.Request) -> web.Response:
    demand(request, Scope.INGEST)
    intake = request.app[SITE].intake
    with intake.room.hold(_size(request)):
        return await _accept(request, await _body(request))


async def _take_from_grafana(request: web.Request) -> web.Response:
    signatures, now = request.app[SITE].signatures, datetime.now(UTC).timestamp()
    if signatures is None or not signatures.is_shown(request.headers):
        return await _take_from_alertmanager(request)
    with request.app[SITE].intake.room.hold(_size(request)):
        body = await _body(request)
        if objection := signatures.objection(request.headers, body, now):
            raise Refusal(401, objection)
        answer = await _accept(request, body)
        signatures.use(request.headers, now)
        return answer


async def _accept(request: web.Request, body: bytes) -> web.Response:
    site = request.app[SITE]
    decision = await site.intake.accept(body, site.store.now())
    said = orjson.dumps({"outcome": decision.reason or "accepted"})
    return web.Response(body=said, content_type="application/json")


def _size(request: web.Request) -> int:
    """Return the bytes to expect; what is packed, or says nothing, may be as many as may come."""
    if hdrs.CONTENT_ENCODING in request.headers or request.content_length is None:
        return MAX_BODY
    return min(request.content_length, MAX_BODY)


async def _body(request: web.Request) -> bytes:
    if request.content_type != "application/json":
        said = f"application/json is expected, not {request.content_type}"
        raise Refusal(415, said, CONTENT_TYPE)
    coding = request.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower()
    if coding not in {"identity", *CODINGS}:
        said = f"{coding!r:.40} is not read; pack it by {' or '.join(CODINGS)}"
        raise Refusal(415, said, Place("header", hdrs.CONTENT_ENCODING))
    try:
        async with asyncio.timeout(_BODY_TIMEOUT):
            body = await request.read()
        return body if coding == "identity" else await asyncio.to_thread(unpack, body, MAX_BODY)
    except PackedError as error:
        raise Refusal(400, f"the body cannot be unpacked by {coding}: {error}") from error
    except (web.HTTPRequestEntityTooLarge, TooLargeError) as error:
        said = f"over {MAX_BODY} bytes; set `max_alerts` in this webhook_config"
        raise Refusal(413, said) from error
    except TimeoutError as error:
        said = f"the body did not arrive within {_BODY_TIMEOUT:g} s"
        raise Refusal(408, said) from error
    except web.RequestPayloadError as error:
        raise Refusal(400, f"the body cannot be read: {error}") from error


def _count(request: web.Request, answer: web.Response | web.HTTPException) -> None:
    request.app[SITE].metrics.webhook_requests.labels(str(answer.status)).inc()
    if answer.status != web.HTTPOk.status_code:
        _LOG.warning("webhook from %s: %d %s", request.remote, answer.status, answer.text)
