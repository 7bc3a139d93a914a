"""The worker of one channel: claim, render, send, settle; a dead channel delays nobody else."""

import asyncio
import logging
import random
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aiohttp import ClientSession

from receiver.channels.contract import Channel
from receiver.delivery import mask, retry
from receiver.messages.render import Style, render
from receiver.metrics import Metrics
from receiver.model import Delivery, Message, SendError
from receiver.store.outbox import Outcome
from receiver.store.records import Posted
from receiver.store.schema import StoreUnavailableError
from receiver.store.store import Store

_LOG = logging.getLogger(__name__)

_LOOK_AGAIN = 60.0
"""Seconds of idling at most: a clock that was set back must not stop a channel for long."""
_STORE_PAUSE = 1.0
_LAST_WORD = 2.0
"""Seconds beyond a channel's timeout, which it keeps itself and can say more about."""
_MARGIN = timedelta(seconds=30)
"""What a claim outlives the channel's own timeout by: time to render and to settle."""

Tell = Callable[[Posted], None]


def utc_now() -> datetime:
    """Return the present."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Outlet:
    """A configured channel with its name and the style of its messages."""

    name: str
    channel: Channel
    style: Style


class Worker:
    """Delivers what one channel is owed, one message at a time, oldest first."""

    def __init__(
        self, outlet: Outlet, store: Store, http: ClientSession, metrics: Metrics, tell: Tell
    ) -> None:
        self.name = outlet.name
        self._outlet = outlet
        self._store = store
        self._http = http
        self._metrics = metrics
        self._tell = tell
        self._bell = asyncio.Event()
        self._stopping = asyncio.Event()

    def wake(self) -> None:
        """Look at the outbox now: something was added to it."""
        self._bell.set()

    def stop(self) -> None:
        """Let `run` return once the message in flight is settled."""
        self._stopping.set()
        self._bell.set()

    async def run(self) -> None:
        """Deliver until stopped."""
        while not self._stopping.is_set():
            self._bell.clear()
            try:
                delivery = await self._claim()
                if delivery is None:
                    await _wait(self._bell, await self._until_due())
                else:
                    await _wait(self._stopping, await self._deliver(delivery))
            except StoreUnavailableError as error:
                _LOG.warning("channel %s waits for the store: %s", self.name, error)
                await _wait(self._stopping, _STORE_PAUSE)

    async def _claim(self) -> Delivery | None:
        now = utc_now()
        until = now + timedelta(seconds=self._outlet.channel.timeout) + _MARGIN
        return await self._store.claim(self.name, now, until)

    async def _until_due(self) -> float:
        due = await self._store.next_due(self.name)
        if due is None:
            return _LOOK_AGAIN
        return min(_LOOK_AGAIN, max(0.0, (due - utc_now()).total_seconds()))

    async def _deliver(self, delivery: Delivery) -> float:
        """Send one message and note the outcome; returns seconds to leave the channel alone."""
        try:
            message = await self._send(delivery)
        except SendError as error:
            now = utc_now()
            outcome = retry.after(error, delivery, now, random.random())  # noqa: S311 -- jitter
            self._count_failure(delivery, outcome)
            await self._settle(delivery, outcome, now)
            return retry.pause(error)
        now = utc_now()
        await self._settle(delivery, Outcome("sent", message=message), now)
        self._metrics.delivered(self.name, (now - delivery.accepted_at).total_seconds())
        self._tell(_posted(delivery, message))
        return 0.0

    async def _send(self, delivery: Delivery) -> Message:
        """Render and send, behind the one fence; raises SendError, masked, and nothing else."""
        channel = self._outlet.channel
        try:
            message = self._render(delivery)
            async with asyncio.timeout(channel.timeout + _LAST_WORD):
                await channel.send(message, self._http)
        except SendError as error:
            raise self._masked(error) from None
        except TimeoutError:
            raise SendError("timeout", f"no answer within {channel.timeout:g} s") from None
        except Exception as error:  # noqa: BLE001 -- no channel may stop the others
            trace = mask.mask(traceback.format_exc(), channel.secrets)
            _LOG.error("channel %s failed in its own code:\n%s", self.name, trace)
            raise self._masked(SendError("failed", f"{type(error).__name__}: {error}")) from None
        return message

    def _render(self, delivery: Delivery) -> Message:
        told = delivery.notification
        rendered = render(
            told,
            self._outlet.style,
            key=f"{told.delivery_key[:24]}-{delivery.id}",
            thread=f"{told.group_hash[:24]}-{delivery.incident}",
            now=utc_now(),
        )
        if rendered.failed:
            self._metrics.template_failures.labels(rendered.failed).inc()
        return rendered.message

    def _masked(self, error: SendError) -> SendError:
        detail = mask.one_line(error.detail, self._outlet.channel.secrets)
        return SendError(
            error.reason, detail, permanent=error.permanent, retry_after=error.retry_after
        )

    def _count_failure(self, delivery: Delivery, outcome: Outcome) -> None:
        dead = outcome.state == "dead"
        self._metrics.notifications.labels(self.name, "dead" if dead else "retried").inc()
        self._metrics.failed(self.name, outcome.reason, outcome.detail)
        _LOG.log(
            logging.ERROR if dead else logging.WARNING,
            "channel %s: attempt %d for delivery %d: %s: %s; %s",
            self.name,
            delivery.attempts,
            delivery.id,
            outcome.reason,
            outcome.detail,
            "given up" if dead else f"again at {outcome.not_before:%H:%M:%S} UTC",
        )

    async def _settle(self, delivery: Delivery, outcome: Outcome, now: datetime) -> None:
        """Note the outcome, however long the store is away: else what was sent is sent again."""
        while True:
            try:
                return await self._store.settle(delivery, outcome, now)
            except StoreUnavailableError as error:
                _LOG.warning("channel %s cannot note an outcome: %s", self.name, error)
                await asyncio.sleep(_STORE_PAUSE)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


def _posted(delivery: Delivery, message: Message) -> Posted:
    return Posted(
        id=delivery.id,
        channel=delivery.channel,
        status=message.status.value,
        severity=message.severity.name,
        title=message.title,
        body=message.body,
        accepted_at=delivery.accepted_at,
    )
