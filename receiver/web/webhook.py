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
from receiver.web.answers import problem, refuse
from receiver.web.auth import Scope
from receiver.web.keys import SITE

_LOG = logging.getLogger(__name__)

MAX_BODY = 16 * 1024 * 1024
_BODY_TIMEOUT = 30.0


async def receive(request: web.Request) -> web.Response:
    """Take a webhook, and count the answer."""
    answer = await _answer(request)
    request.app[SITE].metrics.webhook_requests.labels(str(answer.status)).inc()
    if answer.status != web.HTTPOk.status_code:
        _LOG.warning("webhook from %s: %d %s", request.remote, answer.status, answer.text)
    return answer


async def _answer(request: web.Request) -> web.Response:
    refusal = refuse(request, Scope.INGEST)
    if refusal is not None:
        return refusal
    if request.content_type != "application/json":
        return problem(415, f"application/json is expected, not {request.content_type}")
    try:
        async with asyncio.timeout(_BODY_TIMEOUT):
            body = await request.read()
        decision = await request.app[SITE].intake.accept(body, datetime.now(UTC))
    except web.HTTPRequestEntityTooLarge:
        return problem(413, f"over {MAX_BODY} bytes; set `max_alerts` in this webhook_config")
    except TimeoutError:
        return problem(408, f"the body did not arrive within {_BODY_TIMEOUT:g} s")
    except web.RequestPayloadError as error:
        return problem(400, f"the body cannot be read: {error}")
    except ParseError as error:
        return problem(400, error.problem, error.path)
    except StoreUnavailableError as error:
        return problem(503, f"the store is unavailable, try again: {error}")
    return web.json_response({"outcome": decision.reason or "accepted"})
