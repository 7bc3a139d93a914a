"""Looks things up for messages: each notification once for all channels, and never for long."""

import asyncio
import logging
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Any, TypeVar

from aiohttp import ClientSession

from receiver.background.facts import NO_FACTS, Facts, Source, find
from receiver.background.plotting import chart_of, query_of, span_of
from receiver.messages.render import Style
from receiver.metrics import Metrics
from receiver.model import UNKNOWN, Background, Notification
from receiver.pictures.studio import DrawError, Studio
from receiver.upstream.asking import AskError
from receiver.upstream.prometheus import Prometheus, Rules, ask_range, ask_rules

_LOG = logging.getLogger(__name__)

_REMEMBERED = 100
"""Notifications whose background is kept for the other channels, which may be slower."""
_FRESH = 60.0
"""Seconds for which a background and the rules are as good as new."""
_AGAIN = 5.0
"""Seconds after which a Prometheus that told no rules yet is asked again: it may just start."""
_LATEST = 10.0
"""Seconds after which what is known is of no use any longer, even to a message that was sent."""
_PATIENT = 15.0
"""Seconds to wait for rules, for which no message waits but the first."""
_Answer = TypeVar("_Answer")


Hang = Callable[[bytes], Awaitable[str]]
"""Keeps a picture; returns an address at which it can be seen, or nothing."""


async def hang_nowhere(_: bytes) -> str:
    """Keep nothing."""
    return ""


@dataclass(frozen=True, slots=True)
class Easel:
    """Who draws pictures, and who hangs them where links lead."""

    studio: Studio
    hang: Hang = hang_nowhere


@dataclass(frozen=True, slots=True)
class _Picture:
    """A PNG, and its address if it has one."""

    png: bytes
    link: str


@dataclass(frozen=True, slots=True)
class _Search:
    """What is being asked about a notification, and since when; pictures are by their look."""

    began: float
    facts: asyncio.Task[Facts | None]
    pictures: dict[tuple[str, str], asyncio.Task[_Picture | None]] = field(default_factory=dict)


class Lookup:
    """Says what is known of a notification within the time that its message may wait.

    What comes too late is kept for the channels that ask later.
    """

    def __init__(
        self,
        told: Callable[[], Prometheus | None],
        http: ClientSession,
        metrics: Metrics,
        now: Callable[[], datetime],
        easel: Easel | None = None,
    ) -> None:
        self._told = told
        self._http = http
        self._metrics = metrics
        self._now = now
        self._easel = easel
        self._searches: OrderedDict[str, _Search] = OrderedDict()
        self._rules: Rules | None = None
        self._asked = -math.inf
        self._asking: asyncio.Task[None] | None = None

    async def look(self, about: Notification, seconds: float, style: Style | None) -> Background:
        """Return what is known within some seconds, and whatever was found before; never raises."""
        told = self._told()
        if told is None or (seconds <= 0 and about.delivery_key not in self._searches):
            return UNKNOWN  # in a storm nobody would wait for what is asked
        search = self._search(about, told)
        picture = self._picture(search, style, told) if style and told.pictures else None
        tasks = {search.facts, picture or search.facts}
        await asyncio.wait(tasks, timeout=max(0.0, min(seconds, told.timeout)))
        facts = self._take("facts", search.facts) or NO_FACTS
        drawn = self._take("picture", picture) if picture else None
        found = Background(facts.readings, facts.unusual)
        return found if drawn is None else replace(found, picture=drawn.png, link=drawn.link)

    async def late(self, about: Notification) -> bool:
        """Wait for what was not known in time, and say whether there is any; never raises."""
        search = self._searches.get(about.delivery_key)
        if search is None or search.facts.done():
            return False
        await asyncio.wait({search.facts})
        return self._take("facts", search.facts) is not None

    async def warm(self) -> None:
        """Have the first message wait no longer than the others."""
        told = self._told()
        if told is not None:
            await self._known_rules(told)
        if self._easel is not None and told is not None and told.pictures:
            try:
                await self._easel.studio.warm()
            except DrawError as error:
                self._note("picture", error)

    async def close(self) -> None:
        """End whatever is under way."""
        tasks = [t for s in self._searches.values() for t in (s.facts, *s.pictures.values())]
        every = [*tasks, self._asking] if self._asking else tasks
        for task in every:
            task.cancel()
        await asyncio.gather(*every, return_exceptions=True)
        if self._easel is not None:
            await self._easel.studio.close()

    def _search(self, about: Notification, told: Prometheus) -> _Search:
        """Return the search for a notification, which may have begun for another channel."""
        key = about.delivery_key
        search = self._searches.get(key)
        if search is None or monotonic() - search.began > _FRESH:
            work = self._find(about, told.model_copy(update={"timeout": _LATEST}))
            search = _Search(monotonic(), self._begin("facts", work, _LATEST))
            self._searches[key] = search
            while len(self._searches) > _REMEMBERED:
                self._searches.popitem(last=False)
        self._searches.move_to_end(key)
        return search

    def _picture(
        self, search: _Search, style: Style, told: Prometheus
    ) -> asyncio.Task[_Picture | None] | None:
        """Return the search for a picture, which channels that look alike share."""
        if self._easel is None:
            return None
        look = style.language, style.timezone
        if look not in search.pictures:
            work = self._draw(search.facts, style, told, self._easel)
            search.pictures[look] = self._begin("picture", work, told.timeout)
        return search.pictures[look]

    async def _draw(
        self, facts: asyncio.Task[Facts | None], style: Style, told: Prometheus, easel: Easel
    ) -> _Picture | None:
        known = await asyncio.shield(facts)
        if known is None or known.plot is None:
            return None
        plot = known.plot
        span = span_of(plot, self._now())
        try:
            bounds = (span.start, span.end, span.step)
            series = await ask_range(self._http, told, query_of(plot), *bounds)
            chart = chart_of(plot, series, span, style)
            if chart is None:
                return None
            png = await easel.studio.draw(chart)
        except (AskError, DrawError) as error:
            self._note("picture", error)
            return None
        return _Picture(png, await easel.hang(png))

    def _begin(
        self, part: str, work: Coroutine[Any, Any, _Answer | None], seconds: float
    ) -> asyncio.Task[_Answer | None]:
        """Work for some seconds, and count what comes of it."""

        async def bounded() -> _Answer | None:
            found = None
            try:
                async with asyncio.timeout(seconds):
                    found = await work
            except TimeoutError:
                self._count(part, "timeout")
            else:
                self._count(part, "found" if found else "nothing")
            return found

        return asyncio.create_task(bounded())

    def _take(self, part: str, task: asyncio.Task[_Answer | None]) -> _Answer | None:
        """Return what a task has found by now."""
        if not task.done():
            self._count(part, "late")
            return None
        if not task.cancelled() and (error := task.exception()):  # no message is lost to it
            _LOG.error("messages go without their %s", part, exc_info=error)
            self._count(part, "failed")
            return None
        return task.result()

    def _count(self, part: str, outcome: str) -> None:
        self._metrics.background.labels(part, outcome).inc()

    def _note(self, part: str, error: AskError | DrawError) -> None:
        _LOG.warning("messages go without their %s: %s", part, error)
        self._count(part, error.reason)

    async def _find(self, about: Notification, told: Prometheus) -> Facts | None:
        rules = await self._known_rules(told)
        source = Source(self._http, told, self._now(), partial(self._note, "facts"))
        facts = await find(about, rules, source)
        return facts if facts != NO_FACTS else None

    async def _known_rules(self, told: Prometheus) -> Rules:
        """Return the rules; only the very first message waits for them."""
        if monotonic() - self._asked > (_AGAIN if self._rules is None else _FRESH):
            self._asked = monotonic()
            self._asking = asyncio.create_task(self._ask_rules(told))
        if self._rules is None and self._asking is not None:
            await asyncio.shield(self._asking)
        return self._rules or {}

    async def _ask_rules(self, told: Prometheus) -> None:
        """Ask for the rules, which may take long while much fires; old ones do until then."""
        patient = told.model_copy(update={"timeout": _PATIENT})
        try:
            self._rules = await ask_rules(self._http, patient)
        except AskError as error:
            self._note("rules", error)
