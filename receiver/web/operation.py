"""What an operation of the API is."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from receiver.settings import Section
from receiver.web import preview
from receiver.web.auth import Scope

Schema = Mapping[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: what it takes, and with which status it says what.

    `gives` are the keys that a good answer of JSON always has; `kind` is its type where it is
    none, `kinds` are others that may be asked for, and `also` other statuses of it; `refusals` are
    those beside the ones that any operation of its shape may give.
    """

    method: str
    path: str
    handler: Handler
    scope: Scope
    query: Mapping[str, Schema] = field(default_factory=dict)
    body: type[Section] | None = None
    good: int = 200
    also: Sequence[int] = ()
    gives: Sequence[str] = ()
    kind: str = "application/json"
    kinds: Sequence[str] = ()
    refusals: Sequence[int] = ()

    @property
    def changes(self) -> bool:
        """Whether it changes something, so that it matters how often it is done."""
        return self.method != "GET" and self.handler is not preview.try_out
