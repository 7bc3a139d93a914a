"""One message through one channel, behind the fence that holds whatever a channel may raise."""

import asyncio
import hashlib
import logging
import traceback
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from aiohttp import ClientSession

from receiver.channels.contract import Channel
from receiver.delivery import mask
from receiver.delivery.merge import Telling
from receiver.messages.custody import Custody, Doors
from receiver.messages.digest import digest
from receiver.messages.facts import Beside
from receiver.messages.library import BUILT_IN, Templates
from receiver.messages.render import Rendered, Style, render
from receiver.messages.samples import over
from receiver.metrics import Metrics
from receiver.model import (
    UNKNOWN,
    Act,
    Background,
    Delivery,
    Handles,
    Language,
    Message,
    Notification,
    PartlyRefusedError,
    SendError,
    Status,
)
from receiver.store.joining import Kin
from receiver.store.records import Line

_LOG = logging.getLogger(__name__)

_LAST_WORD = 2.0
"""Seconds beyond a channel's timeout, which it keeps itself and can say more about."""

_PARTLY = timedelta(hours=1)
"""How long some are owed what others have; a server that greylists takes it after minutes."""

_Result = TypeVar("_Result")

_TEST = {Language.EN: "TEST", Language.ZH: "测试"}


@dataclass(frozen=True, slots=True)
class Told:
    """What one message is about, and what is known of each; `place` is where that of one stands.

    `taken` is who acknowledged that one, and `kin` what is one with it. Where it `joined`, the
    place is another's.
    """

    tellings: Sequence[Telling]
    known: Sequence[Background] = (UNKNOWN,)
    place: str = ""
    taken: Act | None = None
    kin: Kin | None = None
    joined: bool = False

    @property
    def reached(self) -> frozenset[str]:
        """Those who have all of this already: one to whom part of it is new gets all of it."""
        return frozenset.intersection(*(each.reached for each in self._deliveries()))

    def reached_at(self, now: datetime) -> datetime:
        """Since when some have all of this; `now` where nobody has."""
        return max(each.reached_at or now for each in self._deliveries())

    def _deliveries(self) -> Iterator[Delivery]:
        return (each for telling in self.tellings for each in telling.deliveries)


@dataclass(frozen=True, slots=True)
class Outlet:
    """A configured channel with its name and the style of its messages.

    `pictured` says whether its messages can have pictures; `handles` is how people are called.
    """

    name: str
    channel: Channel
    style: Style
    templates: Templates = BUILT_IN
    pictured: bool = False
    doors: Doors | None = None
    handles: Mapping[str, Handles] = field(default_factory=dict)

    @property
    def line(self) -> Line:
        """Its place in the outbox."""
        return Line(self.name, self.channel.destination, self.channel.fallback)

    def speaking(self, language: Language) -> "Outlet":
        """Return the same in a language, also for the words that the channel writes itself."""
        channel = self.channel.model_copy(update={"language": language})
        return replace(self, channel=channel, style=replace(self.style, language=language))

    async def send(
        self, told: Told, http: ClientSession, metrics: Metrics, now: datetime
    ) -> Message:
        """Render and send; raises SendError, with its secrets masked, and nothing else.

        What is returned says where the message of a single incident stands now.
        """
        message = await self._fenced(lambda: self._tell(told, http, metrics, now))
        return message if len(told.tellings) == 1 else replace(message, place="")

    async def amend(self, told: Told, http: ClientSession, metrics: Metrics, now: datetime) -> None:
        """Render and change what stands at the place; raises SendError as `send`."""
        await self._fenced(lambda: self._amend(told, http, metrics, now))

    async def send_test(self, test: Notification, http: ClientSession, now: datetime) -> Message:
        """Send what nobody is owed, marked as a test in its title; raises SendError as `send`."""
        return await self._fenced(lambda: self._try(test, http, now))

    async def illustrate(self, message: Message, http: ClientSession) -> None:
        """Add a picture to where a message stands; raises SendError as `send`."""
        await self._fenced(lambda: self.channel.illustrate(message, http))

    async def _amend(
        self, told: Told, http: ClientSession, metrics: Metrics, now: datetime
    ) -> None:
        message = replace(self._render(told, metrics, now), place=told.place)
        await self.channel.amend(message, http)

    async def _tell(
        self, told: Told, http: ClientSession, metrics: Metrics, now: datetime
    ) -> Message:
        message = replace(
            self._render(told, metrics, now),
            place=told.place,
            reached=told.reached,
            joined=told.joined,
        )
        try:
            return await self._send(message, http)
        except PartlyRefusedError as error:
            if not error.permanent and now - told.reached_at(now) < _PARTLY:
                raise
            refused = self._masked(error)
            metrics.failed(self.name, refused.reason, refused.detail)
            _LOG.warning("channel %s: sent, but %s", self.name, refused.detail)
            return replace(message, refused=refused.detail)

    async def _try(self, test: Notification, http: ClientSession, now: datetime) -> Message:
        """Send the test, and at once that it is over where else it would stay open."""
        sent = await self._send(self._render_test(test, now), http)
        if self.channel.keeps_open and test.status is Status.FIRING:
            return await self._send(self._render_test(over(test, now), now), http)
        return sent

    async def _send(self, message: Message, http: ClientSession) -> Message:
        place = await self.channel.send(message, http)
        return replace(message, place=place or "")

    async def _fenced(self, work: Callable[[], Awaitable[_Result]]) -> _Result:
        channel = self.channel
        try:
            async with asyncio.timeout(channel.timeout + _LAST_WORD):
                return await work()
        except SendError as error:
            raise self._masked(error) from None
        except TimeoutError:
            raise SendError("timeout", f"no answer within {channel.timeout:g} s") from None
        except Exception as error:  # noqa: BLE001 -- no channel may stop the others
            trace = mask.mask(traceback.format_exc(), channel.secrets)
            _LOG.error("channel %s failed in its own code:\n%s", self.name, trace)
            raise self._masked(SendError("failed", f"{type(error).__name__}: {error}")) from None

    def _render_test(self, test: Notification, now: datetime) -> Message:
        key = f"test-{now.timestamp():.0f}"
        message = render(
            test, self.style, key=key, thread=key, now=now, templates=self.templates
        ).message
        title = f"{_TEST[self.style.language]} {message.title}"
        return replace(message, title=title, act="test")  # an act, so it calls nobody

    def _render(self, told: Told, metrics: Metrics, now: datetime) -> Message:
        single = len(told.tellings) == 1
        rendered = self._alone(told, now) if single else self._digest(told)
        for failure in rendered.failures:
            metrics.template_failures.labels(failure.name).inc()
        return replace(rendered.message, asked=tuple(self._asked(told.tellings)))

    def _asked(self, tellings: Iterable[Telling]) -> Iterator[Handles]:
        """Yield who is asked by name in any of what is told together."""
        told = (each.notification for telling in tellings for each in telling.deliveries)
        for key in dict.fromkeys(said.act.whom for said in told if said.act):
            if key in self.handles:
                yield self.handles[key]

    def _digest(self, about: Told) -> Rendered:
        tellings = about.tellings
        since = min(each.accepted_at for telling in tellings for each in telling.deliveries)
        told = [telling.notification for telling in tellings]
        return digest(
            told,
            self.style,
            key=_key_of(tellings),
            since=since,
            templates=self.templates,
            incidents=[telling.newest.incident for telling in tellings],
            pictures=[each.picture for each in about.known],
        )

    def _alone(self, told: Told, now: datetime) -> Rendered:
        telling = told.tellings[0]
        said, incident = telling.notification, telling.newest.incident
        doors = self.doors
        custody = doors.custody(incident, told.taken, now) if doors else Custody(incident)
        if telling.newest.reopened or told.kin:
            beside = Beside(telling.newest.reopened, told.kin.also if told.kin else ())
            custody = replace(custody, beside=beside)
        return render(
            said,
            self.style,
            key=f"{said.delivery_key[:24]}-{telling.newest.id}",
            thread=self._thread(telling.newest, told.kin),
            now=now,
            templates=self.templates,
            background=told.known[0],
            custody=custody,
        )

    def _thread(self, newest: Delivery, kin: Kin | None) -> str:
        """Return what messages of an incident have alike, with those that it joined."""
        if kin and not self.channel.keeps_open:  # what is opened there is closed with its alerts
            return f"{kin.group_hash[:24]}-{kin.head}"
        return f"{newest.notification.group_hash[:24]}-{newest.incident}"

    def _masked(self, error: SendError) -> SendError:
        return type(error)(
            error.reason,
            mask.one_line(error.detail, self.channel.secrets),
            permanent=error.permanent,
            retry_after=error.retry_after,
            reached=error.reached,
        )


def _key_of(tellings: Iterable[Telling]) -> str:
    """Name a digest by all that it tells: tried again with more in it, it is another message."""
    numbers = " ".join(str(each.id) for telling in tellings for each in telling.deliveries)
    return f"digest-{hashlib.sha256(numbers.encode()).hexdigest()[:24]}"
