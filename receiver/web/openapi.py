"""GET /api/v1/openapi.json: the API's description, made from the operations themselves.

https://spec.openapis.org/oas/v3.1.0
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from aiohttp import web

from receiver.web import once, problems
from receiver.web.answers import demand
from receiver.web.api import API
from receiver.web.auth import Scope
from receiver.web.operation import Operation

PATH = "/api/v1/openapi.json"
_PLACE = re.compile(r"\{(\w+)(:(?:[^{}]|\{[^{}]*\})+)?\}")
_ALWAYS = (400, 401, 403, 503)
_WITH_BODY = (408, 413, 415)
_ONCE = (
    "The same request with the same key is done once within 24 hours, and answered alike; "
    f"{once.AGAIN} says so. With another request, the key is refused with 422, and with 409 "
    "while the first is under way. An answer of 500 or more is not kept."
)


async def show(request: web.Request) -> web.Response:
    """Return the description."""
    demand(request, Scope.READ)
    return web.json_response(document())


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """Describe every operation."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in API:
        place = _PLACE.sub(r"{\1}", operation.path)
        paths.setdefault(place, {})[operation.method.lower()] = _describe(operation)
    schemes = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "basic": {"type": "http", "scheme": "basic"},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tocsin's receiver", "version": version("tocsin")},
        "paths": paths,
        "components": {"securitySchemes": schemes, "schemas": {"Problem": problems.schema()}},
        "security": [{"bearer": []}, {"basic": []}],
    }


def _describe(operation: Operation) -> dict[str, Any]:
    said: dict[str, Any] = {
        "operationId": f"{operation.handler.__module__.rpartition('.')[2]}"
        f"_{operation.handler.__name__}",
        "summary": (operation.handler.__doc__ or "").partition("\n")[0],
        "description": f"Needs a token of scope {operation.scope}.",
        "parameters": list(_parameters(operation)),
        "responses": {str(status): answer for status, answer in _answers(operation)},
    }
    if operation.body is not None:
        schema = operation.body.model_json_schema(by_alias=True)
        said["requestBody"] = {"content": {"application/json": {"schema": _inlined(schema)}}}
    return said


def _parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    for name, pattern in _PLACE.findall(operation.path):
        text = {"type": "string"} | ({"pattern": f"^{pattern[1:]}$"} if pattern else {})
        yield {"name": name, "in": "path", "required": True, "schema": text}
    for name, schema in operation.query.items():
        yield {"name": name, "in": "query", "schema": dict(schema)}
    if operation.changes:
        key = {"type": "string", "pattern": once.PATTERN}
        yield {"name": once.HEADER, "in": "header", "description": _ONCE, "schema": key}


def _answers(operation: Operation) -> Iterator[tuple[int, dict[str, Any]]]:
    content: dict[str, Any] = {operation.kind: {}}
    if operation.kind == "application/json":
        schema = {"type": "object", "required": list(operation.gives)}
        content = {operation.kind: {"schema": schema}, **{kind: {} for kind in operation.kinds}}
    for status in (operation.good, *operation.also):
        good = {"description": HTTPStatus(status).phrase}
        yield status, good if status == HTTPStatus.NO_CONTENT else good | {"content": content}
    refusals = {*_ALWAYS, *operation.refusals, *(_WITH_BODY if operation.body else ())}
    refusals |= {*once.REFUSALS} if operation.changes else set()
    refusals |= {404} if "{" in operation.path else set()
    for status in sorted(refusals):
        wrong = {problems.KIND: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        yield status, {"description": HTTPStatus(status).phrase, "content": wrong}


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """Put a model's own definitions where they are referred to: each has few, none of itself."""
    definitions = schema.pop("$defs", {})

    def walk(part: Any) -> Any:
        if isinstance(part, dict):
            if name := str(part.get("$ref", "")).removeprefix("#/$defs/"):
                return walk(definitions[name])
            return {key: walk(value) for key, value in part.items()}
        return [walk(each) for each in part] if isinstance(part, list) else part

    inlined: dict[str, Any] = walk(schema)
    return inlined
