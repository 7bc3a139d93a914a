"""What the API asks of Prometheus and of the exporters for whoever asks it: bounded and counted."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from aiohttp import ClientSession

from receiver.upstream.asking import AskError
from receiver.upstream.prometheus import Prometheus
from receiver.upstream.ruling import words
from receiver.web.keys import Site
from receiver.web.problems import Refusal, parameter

_Found = TypeVar("_Found")
_WRONG = {400, 422}
"""What Prometheus answers where the expression is at fault."""


def prometheus(site: Site) -> tuple[ClientSession, Prometheus]:
    """Return how to ask Prometheus; raises the refusal where there is none."""
    if site.prometheus is None or site.desk is None:
        raise Refusal(409, "receiver.yml names no Prometheus; add `prometheus: {url: ...}`")
    return site.desk.http, site.prometheus


@asynccontextmanager
async def turn(site: Site) -> AsyncIterator[None]:
    """Be one of few who ask; raises the refusal of one too many."""
    if site.asking.locked():
        raise Refusal(503, "too much is being asked of Prometheus; try again")
    async with site.asking:
        yield


async def asked(site: Site, question: str, ask: Callable[[], Awaitable[_Found]]) -> _Found:
    """Return what is answered; raises the refusal of what is not, and counts that."""
    async with turn(site):
        try:
            return await ask()
        except AskError as error:
            if question == "metrics" and error.status in _WRONG:
                raise Refusal(400, words(error), parameter("query")) from error
            site.metrics.upstream_failures.labels(question, error.reason).inc()
            raise Refusal(502, str(error)) from error
