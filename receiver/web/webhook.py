"""POST /webhook/alertmanager: 200 means that the webhook is on disk.

Alertmanager tries again after 5xx and nothing else, so trouble of our own is 503; a 4xx says
that the same request would be refused again.
"""

import asyncio
import logging
from datetime import UTC, datetime

from aiohttp import web

from receiver.intake.webhook import ParseError
from receiver.store.schema import StoreUnavailableError
from receiver.web.answers import demand, problem
from receiver.web.auth import Scope
from receiver.web.keys import SITE

_LOG = logging.getLogger(__name__)

MAX_BODY = 16 * 1024 * 1024
_BODY_TIMEOUT = 30.0


class _RefusedError(Exception):
    def __init__(self, status: int, problem: str) -> None:
        super().__init__(problem)
        self.status = status


async def receive(request: web.Request) -> web.Response:
    """Take a webhook, and count the answer."""
    try:
        answer = await _take(request)
    except web.HTTPException as refusal:
        _count(request, refusal)
        raise
    _count(request, answer)
    return answer


async def _take(request: web.Request) -> web.Response:
    demand(request, Scope.INGEST)
    try:
        body = await _body(request)
        decision = await request.app[SITE].intake.accept(body, datetime.now(UTC))
    except _RefusedError as error:
        return problem(error.status, str(error))
    except ParseError as error:
        return problem(400, str(error), error.path)
    except StoreUnavailableError as error:
        return problem(503, f"the store is unavailable, try again: {error}")
    return web.json_response({"outcome": decision.reason or "accepted"})


async def _body(request: web.Request) -> bytes:
    if request.content_type != "application/json":
        raise _RefusedError(415, f"application/json is expected, not {request.content_type}")
    try:
        async with asyncio.timeout(_BODY_TIMEOUT):
            return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        problem = f"over {MAX_BODY} bytes; set `max_alerts` in this webhook_config"
        raise _RefusedError(413, problem) from error
    except TimeoutError as error:
        problem = f"the body did not arrive within {_BODY_TIMEOUT:g} s"
        raise _RefusedError(408, problem) from error
    except web.RequestPayloadError as error:
        raise _RefusedError(400, f"the body cannot be read: {error}") from error


def _count(request: web.Request, answer: web.Response | web.HTTPException) -> None:
    request.app[SITE].metrics.webhook_requests.labels(str(answer.status)).inc()
    if answer.status != web.HTTPOk.status_code:
        _LOG.warning("webhook from %s: %d %s", request.remote, answer.status, answer.text)
