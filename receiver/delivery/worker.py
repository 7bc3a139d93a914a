"""The worker of one channel: take, merge, render, send, settle; a dead channel delays no other."""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from time import monotonic

from aiohttp import ClientSession

from receiver.delivery import breaker, pace, retry, turn
from receiver.delivery.afterwards import Afterwards, Late, never
from receiver.delivery.illustrating import Illustrating
from receiver.delivery.looking import Look, Looking, know_nothing
from receiver.delivery.merge import Telling, carrier_of, merge, outcomes, posted
from receiver.delivery.refreshing import Refreshing
from receiver.delivery.sending import Outlet, Told
from receiver.delivery.trying import PATIENCE, send_test
from receiver.metrics import Metrics
from receiver.model import Delivery, Message, Notification, SendError
from receiver.store.claims import MOST
from receiver.store.handover import FELL_BACK
from receiver.store.records import Choice, Gate, Outcome, Posted, Turn, Waiting
from receiver.store.schema import EPOCH, StoreUnavailableError
from receiver.store.settling import Settlement
from receiver.store.store import Store

_LOG = logging.getLogger(__name__)

_LOOK_AGAIN = 60.0
"""Seconds of idling at most: a clock that was set back must not stop a channel for long."""
_BREATH = 0.25
"""Seconds before what comes in is looked at again while the channel may not send."""
_GATHERING = 0.5
"""Seconds after a message about many: in a storm the next gathers more, for little more work."""
_STARVED = 60.0
"""Seconds after which what is not urgent is told along with what is."""
_FILED = 20
"""Messages, each for itself, of a channel that sends nothing and so cannot send it twice."""
_STORE_PAUSE = 1.0
_MARGIN = timedelta(seconds=30)
"""What a claim outlives the channel's own timeout by: time to render and to settle."""
_SET_BACK = timedelta(seconds=5)

Sent = tuple[Sequence[Telling], Delivery, Message]
"""What one message tells, the delivery that carries it, and the message."""
Tell = Callable[[Posted], None]
Wake = Callable[[Iterable[str]], None]


@dataclass(frozen=True, slots=True)
class Ties:
    """What all workers share: `tell` hears of each message sent, `wake` of channels owed more.

    `look` says what is known of an incident beside its alerts, and `late` waits for the rest.
    """

    store: Store
    http: ClientSession
    metrics: Metrics
    tell: Tell
    wake: Wake
    look: Look = know_nothing
    late: Late = never


class Worker:
    """Delivers what one channel is owed: the urgent first, and a backlog in few messages."""

    def __init__(self, outlet: Outlet, ties: Ties) -> None:
        channel = outlet.channel
        self.name = outlet.name
        self._outlet = outlet
        self._ties = ties
        self._line = outlet.line
        self._most = MOST if channel.gathers else _FILED
        self._habits = turn.Habits(channel.rule, self._most, gathers=channel.gathers)
        self._looking = Looking(ties.look, outlet.style if outlet.pictured else None)
        self._illustrating = Illustrating(outlet, ties.http, ties.metrics)
        changing = Refreshing(outlet, self._looking, ties.store, ties.http, ties.metrics)
        self._refreshing = changing if channel.changes else None
        self._afterwards = Afterwards(outlet.name, ties.late, ties.store, self.wake)
        self._served = monotonic()
        self._latest = EPOCH
        self._bell = asyncio.Event()
        self._stopping = asyncio.Event()
        self._begun = asyncio.Event()
        self._busy = asyncio.Lock()
        self._now = ties.store.now

    def wake(self) -> None:
        """Look at the outbox now: something was added to it."""
        self._bell.set()

    def stop(self) -> None:
        """Let `run` return once the message in flight is settled."""
        self._stopping.set()
        self._bell.set()

    async def run(self) -> None:
        """Deliver until stopped."""
        self._begun.set()
        while not self._stopping.is_set():
            self._bell.clear()
            try:
                async with self._busy:
                    taken = await self.step()
                if not taken.batch:
                    await self._idle(taken)
                elif self._habits.gathers and turn.FEW < len(taken.batch) < self._most:
                    await _wait(self._stopping, _GATHERING)
            except StoreUnavailableError as error:
                _LOG.warning("channel %s waits for the store: %s", self.name, error)
                await _wait(self._stopping, _STORE_PAUSE)

    async def send_test(self, test: Notification) -> None:
        """Send a test between two messages; raises SendError and StoreUnavailableError."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._begun.wait()
                await self._busy.acquire()
        except TimeoutError:
            raise SendError("timeout", "it is busy with another message; try again") from None
        try:
            await send_test(self._outlet, test, self._ties.store, self._ties.http)
        except SendError as error:
            self._ties.metrics.failed(self.name, error.reason, error.detail)
            raise
        finally:
            self._busy.release()

    async def step(self) -> Turn:
        """Send one message, or none where nothing may be sent now.

        What a dead destination is owed goes another way. Raises StoreUnavailableError.
        """
        taken, now = await self._take(), self._now()
        gate = taken.waiting.gate
        dead = breaker.is_dead(gate, now)
        is_open = self._ties.metrics.breaker_open.labels(self.name)
        is_open.set(dead or breaker.is_probing(gate))
        if taken.batch:
            await self._deliver(taken.batch)
        elif dead and self._line.fallback:
            await self._sweep(now)
        return taken

    async def _take(self) -> Turn:
        await self._ties.store.agree()
        now = self._now()
        if now < self._latest - _SET_BACK:
            await self._ties.store.hurry(self.name, now)
        self._latest = now
        until = now + timedelta(seconds=self._outlet.channel.timeout) + _MARGIN
        choose = partial(self._choose, now, monotonic() - self._served > _STARVED)
        taken = await self._ties.store.take(self._line, choose, now, until)
        rest = any(delivery.notification.severity.rank for delivery in taken.batch)
        if rest or not taken.waiting.ordinary:
            self._served = monotonic()
        if not (taken.waiting.ordinary or taken.waiting.urgent):
            self._looking.rest()
        return taken

    def _choose(self, now: datetime, starving: bool, waiting: Waiting) -> Choice:  # noqa: FBT001 -- bound by partial
        return turn.choose(self._habits, waiting, now, starving=starving)

    async def _idle(self, taken: Turn) -> None:
        """Wait until something is due, and meanwhile mend what is outdated."""
        due = taken.again or await self._ties.store.next_due(self.name)
        if taken.again is not None:
            await _wait(self._stopping, min(_BREATH, self._until(due)))
        elif self._refreshing:
            async with self._busy:
                again = await self._refreshing.one()
            due = min(filter(None, (due, again)), default=None)
        await _wait(self._bell, self._until(due))

    def _until(self, due: datetime | None) -> float:
        """Return the seconds to wait for something that is due then."""
        if due is None:
            return _LOOK_AGAIN
        return min(_LOOK_AGAIN, max(0.0, (due - self._now()).total_seconds()))

    async def _sweep(self, now: datetime) -> None:
        moved = await self._ties.store.sweep(self._line, now)
        if moved:
            _LOG.warning(
                "channel %s does not work: %s takes %d messages",
                self.name,
                self._line.fallback,
                moved,
            )
            self._ties.metrics.suppressed(self.name, FELL_BACK, moved)
            self._ties.wake([self._line.fallback])

    async def _deliver(self, batch: Sequence[Delivery]) -> None:
        """Send what tells of the batch, in one message where the channel gathers; note outcomes."""
        tellings = merge(batch)
        sent: list[Sent] = []
        for part in [tellings] if self._habits.gathers else [(each,) for each in tellings]:
            about = await self._about(part)
            try:
                message = await self._outlet.send(
                    about, self._ties.http, self._ties.metrics, self._now()
                )
            except SendError as error:
                await self._fail(part, error)
            else:
                sent.append((part, carrier_of(part), message))
        if sent:
            await self._succeed(sent)

    async def _about(self, tellings: Sequence[Telling]) -> Told:
        """Look up what a message needs to know."""
        known = await self._looking.at(tellings)
        if len(tellings) > 1:
            return Told(tellings, known)
        store, newest = self._ties.store, tellings[0].newest
        incident, head = newest.incident, newest.head
        changes, acts = self._outlet.channel.changes, self._outlet.doors is not None
        place = await store.places.of(self.name, head or incident) if changes else ""
        joined = bool(place) and head not in {0, incident}
        if changes and head and not place:
            place = await store.places.of(self.name, incident)
        handled = await store.handling.handled(incident, self._now()) if acts else None
        taken = handled.taken if handled else None
        kin = await store.incidents.kin(head, incident) if head else None
        return Told(tellings, known, place, taken, kin, joined)

    async def _succeed(self, told: Sequence[Sent]) -> None:
        now = self._now()
        noted = [each for part in told for each in outcomes(*part)]
        settled = await self._settle(noted, now, breaker.after_success)
        self._habits = turn.restore(self._habits, self._most)
        sent = [each.accepted_at for each, outcome in settled if outcome.state == "sent"]
        self._ties.metrics.delivered(self.name, [(now - at).total_seconds() for at in sent])
        for _, outcome in settled:
            if outcome.state != "sent":
                self._ties.metrics.suppressed(self.name, outcome.reason)
        for part, carrier, message in told:
            self._ties.tell(posted(carrier, message))
            self._illustrating.begin(message)
            if self._refreshing and message.place:
                self._afterwards.begin(part[0])

    async def _fail(self, tellings: Sequence[Telling], error: SendError) -> None:
        now, luck = self._now(), random.random()  # noqa: S311 -- jitter
        several = len(tellings) > 1
        if several and error.permanent:  # one of them may spoil all, so each gets its own chance
            self._habits = turn.halve(self._habits)
        outcomes = [
            (each, retry.after(error, each, now, luck, several=several))
            for telling in tellings
            for each in telling.deliveries
        ]
        change = partial(breaker.after_failure, error=error, now=now, luck=luck)
        settled = await self._settle(outcomes, now, change)
        self._ties.metrics.failed(self.name, error.reason, error.detail)
        for delivery, outcome in settled:
            self._count_failure(delivery, outcome)
        if any(outcome.reason == FELL_BACK for _, outcome in settled):
            self._ties.wake([self._line.fallback])

    def _count_failure(self, delivery: Delivery, outcome: Outcome) -> None:
        metrics = self._ties.metrics
        if outcome.state == "suppressed":
            metrics.suppressed(self.name, outcome.reason)
        else:
            word = "dead" if outcome.state == "dead" else "retried"
            metrics.notifications.labels(self.name, word).inc()
        again = f"again at {outcome.not_before:%H:%M:%S} UTC" if outcome.not_before else "given up"
        _LOG.log(
            logging.ERROR if outcome.state == "dead" else logging.WARNING,
            "channel %s: attempt %d for delivery %d: %s: %s; %s",
            *(self.name, delivery.attempts, delivery.id, outcome.reason, outcome.detail, again),
        )

    async def _settle(
        self, settlements: Sequence[Settlement], now: datetime, change: Callable[[Gate], Gate]
    ) -> list[Settlement]:
        """Note the outcomes, however long the store is away: else what was sent is sent again."""

        def answered(gate: Gate) -> Gate:
            return pace.answered(change(gate), now)

        while True:
            try:
                return await self._ties.store.settle(self._line, settlements, now, answered)
            except StoreUnavailableError as error:
                _LOG.warning("channel %s cannot note an outcome: %s", self.name, error)
                await asyncio.sleep(_STORE_PAUSE)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
