"""What is wrong with a request, said to programs alike everywhere: RFC 9457's problem details."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

from aiohttp import hdrs, web

KIND = "application/problem+json"
_TO_PROGRAMS = ("/api/", "/webhook/")
_SAID = {
    404: "nothing is at this address; GET /api/v1/openapi.json says what there is",
    405: "this address does not take the method; the header Allow says which it takes",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a request something is wrong: at a JSON pointer in its body, or by name elsewhere.

    `detail` says what; where it is empty, all that is said of the request is about this place.
    """

    kind: Literal["pointer", "parameter", "header"]
    name: str
    detail: str = ""


def in_body(*steps: str | int, detail: str = "") -> Place:
    """Return the place that keys and indexes lead to, as a JSON pointer (RFC 6901)."""
    escaped = (str(step).replace("~", "~0").replace("/", "~1") for step in steps)
    return Place("pointer", "#" + "".join(f"/{step}" for step in escaped), detail)


def parameter(name: str) -> Place:
    """Return the place of a parameter."""
    return Place("parameter", name)


CONTENT_TYPE = Place("header", hdrs.CONTENT_TYPE)


def _text(status: int, detail: str, places: Sequence[Place], **more: str) -> str:
    said: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if places:
        said["errors"] = [{at.kind: at.name, "detail": at.detail or detail} for at in places]
    return json.dumps(said | more)


def problem(status: int, detail: str, *places: Place, **more: str) -> web.Response:
    """Say what is wrong, where in the request, and what `more` there is to say to a program."""
    return web.Response(
        text=_text(status, detail, places, **more), status=status, content_type=KIND
    )


class Refusal(web.HTTPException):
    """The same, to be raised: whoever does not catch it answers with it."""

    def __init__(self, status: int, detail: str, *places: Place) -> None:
        self.status_code = status
        super().__init__(text=_text(status, detail, places), content_type=KIND)


@web.middleware
async def say_alike(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Have what the server itself says to a program said as everything else is."""
    try:
        return await handler(request)
    except web.HTTPError as error:
        if not request.path.startswith(_TO_PROGRAMS):
            raise
        answer = problem(error.status, _SAID.get(error.status, error.text or error.reason))
        if hdrs.ALLOW in error.headers:
            answer.headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
        return answer


def schema() -> dict[str, Any]:
    """Describe it as OpenAPI does."""
    text = {"type": "string"}
    places = {"pointer": text, "parameter": text, "header": text, "detail": text}
    error = {"type": "object", "required": ["detail"], "properties": places}
    said: dict[str, Any] = {
        "type": text,
        "title": text,
        "status": {"type": "integer"},
        "detail": text,
        "errors": {"type": "array", "minItems": 1, "items": error},
    }
    return {"type": "object", "required": ["type", "title", "status", "detail"], "properties": said}
