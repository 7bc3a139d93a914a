"""One way to act on an incident, whether by a button, a link, or the API.

Who asks is known by then; whether they may, what is done, and who hears of it is decided here.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Literal

import aiohttp
import orjson

from receiver.incidents.people import Person
from receiver.incidents.verbs import VERBS, refusal
from receiver.messages.words import SILENCE_ENDS
from receiver.metrics import Metrics
from receiver.model import ACT_KEY, Act
from receiver.store.audit import Change
from receiver.store.records import Decision
from receiver.store.schema import StoreUnavailableError
from receiver.store.store import Store
from receiver.store.verdicts import Said
from receiver.upstream.alertmanager import Alertmanager
from receiver.upstream.asking import AskError
from receiver.upstream.exporters import Exporter, teach
from receiver.upstream.quieting import extend
from receiver.upstream.silences import Silence, silence

_LOG = logging.getLogger(__name__)

_MOST_TAUGHT = 10
"""Alarms of one incident of which an exporter is told."""
Announce = Callable[[bytes, datetime, Collection[str]], Awaitable[Decision]]
"""Takes a webhook of our own, by which all who were told of the incident, but some, hear of an act.
"""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who wants to act: `known_as` is for the audit, `person` is None for a stranger."""

    known_as: str
    person: Person | None

    @property
    def name(self) -> str:
        """What messages call them."""
        return self.person.name if self.person else self.known_as


Outcome = Literal["done", "already", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it: `done`, `already` (as `act` says), `refused` or `failed`, and why."""

    outcome: Outcome
    reason: str = ""
    act: Act | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants done, with a remark, and for how long unless as long as usual."""

    verb: str
    remark: str = ""
    lasting: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Acting:
    """Acts by the configuration in force.

    `alertmanager` is whom silences are asked of, if any, and `exporters` learn from verdicts.
    """

    store: Store
    http: aiohttp.ClientSession
    metrics: Metrics
    announce: Announce
    alertmanager: Alertmanager | None
    exporters: tuple[Exporter, ...] = ()
    one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def act(self, actor: Actor, incident: int, wish: Wish) -> Result:
        """Do it if they may; everything but what changes nothing is in the audit."""
        verb = wish.verb
        try:
            result = await self._act(actor, incident, wish)
        except StoreUnavailableError as error:
            result = Result("failed", f"the store is unavailable: {error}")
        except AskError as error:
            result = Result("failed", str(error))
        self.metrics.acts.labels(verb if verb in VERBS else "unknown", result.outcome).inc()
        return result

    async def _act(self, actor: Actor, incident: int, wish: Wish) -> Result:
        verb, now = wish.verb, self.store.now()
        stands = await self.store.handling.handled(incident, now)
        if reason := refusal(actor.person, verb, stands):
            await self._note(actor, verb, incident, f"refused: {reason}")
            return Result("refused", reason)
        wanted = VERBS[verb]
        lasting = wish.lasting or wanted.lasting
        act = Act(wanted.act, actor.name, now, now + lasting if lasting else None, wish.remark)
        if wanted.act == "judge":
            return await self._judge(actor, incident, wish)
        if wanted.act == "extend":
            return await self._extend(actor, incident, wish.verb, lasting or timedelta())
        do = {"acknowledge": self._acknowledge, "silence": self._silence}[wanted.act]
        return await do(actor, await self.store.incidents.together(incident), act)

    async def _extend(self, actor: Actor, incident: int, verb: str, by: timedelta) -> Result:
        """Make the silence longer of which a message reminds, which two clicks do once."""
        told = await self.store.newest_of(incident)
        act = told.act if told else None
        if act is None or act.verb != SILENCE_ENDS or not act.whom:
            return Result("refused", "unknown_verb")
        if self.alertmanager is None:
            return Result("refused", "no_alertmanager")
        async with self.one_at_a_time:
            longer = await extend(self.http, self.alertmanager, act.whom, by, act.until)
        if longer is None:
            return Result("refused", "no_such")
        done = Act("extend", actor.name, self.store.now(), longer.ends_at)
        await self._note(actor, verb, incident, f"{_lasting(done)}: {act.whom}")
        return Result("done", act=done)

    async def _judge(self, actor: Actor, incident: int, wish: Wish) -> Result:
        """Keep what somebody thinks of it, which nobody is told."""
        said = Said(self.store.now(), actor.name, wish.verb, note=wish.remark)
        change = _change(actor, wish.verb, incident, wish.remark or "done")
        if not await self.store.verdicts.judge(incident, said, change):
            return Result("refused", "unknown_incident")
        await self._teach(incident, said)
        return Result("done")

    async def _teach(self, incident: int, said: Said) -> None:
        """Let the exporter that raised an anomaly learn from what somebody thinks of it."""
        told = await self.store.newest_of(incident) if self.exporters else None
        anomalies = (alert for alert in told.alerts if "signal" in alert.labels) if told else ()
        try:
            for alert in islice(anomalies, _MOST_TAUGHT):
                await teach(self.http, self.exporters, alert, said.verdict, said.who)
        except AskError as error:  # the verdict is kept all the same
            _LOG.warning("incident %d: an exporter does not learn of it: %s", incident, error)
            self.metrics.acts.labels(said.verdict, "untold").inc()

    async def _acknowledge(self, actor: Actor, kin: Sequence[int], act: Act) -> Result:
        change = _change(actor, act.verb, kin[0], _lasting(act) or "done")
        stood = await self.store.handling.acknowledge(kin[0], act, change)
        if stood is None or not stood.is_open:
            return Result("refused", "over")
        if stood.taken:
            return Result("already", act=stood.taken)
        await self._tell(kin, act)
        return Result("done", act=act)

    async def _silence(self, actor: Actor, kin: Sequence[int], act: Act) -> Result:
        """Silence each of what is one incident by itself: little may be alike in all of it."""
        results = {number: await self._hush(actor, number, act) for number in kin}
        if done := [number for number, result in results.items() if result.outcome == "done"]:
            await self._tell(done, act)
            return results[done[0]]
        already = (result for result in results.values() if result.outcome == "already")
        return next(already, results[kin[0]])

    async def _hush(self, actor: Actor, incident: int, act: Act) -> Result:
        told = await self._told(incident)
        labels = _common(each["labels"] for each in told["alerts"] if each["status"] == "firing")
        if self.alertmanager is None or "orgId" in told:
            return Result("refused", "no_alertmanager")
        if not labels or act.until is None:
            return Result("refused", "nothing_in_common")
        why = act.detail or f"Tocsin: incident {incident}"
        wanted = Silence(labels, act.at, act.until, act.who, why)
        async with self.one_at_a_time:  # of two clicks, the second finds what the first has made
            made = await silence(self.http, self.alertmanager, wanted)
        if made.starts_at != wanted.starts_at:
            before = Act(act.verb, made.created_by, made.starts_at, made.ends_at)
            return Result("already", act=before)
        await self._note(actor, act.verb, incident, f"{_lasting(act)}: {made.id}")
        return Result("done", act=act)

    async def _told(self, incident: int) -> dict[str, Any]:
        """Return the newest webhook; one that is over retention's bound says nothing any longer."""
        bodies = await self.store.told_of(incident, most=1)
        told: dict[str, Any] = orjson.loads(bodies[0]) if bodies else {"alerts": []}
        return told

    async def _tell(self, kin: Sequence[int], act: Act) -> None:
        """Tell everybody who was told of any of what is one incident, and each of them once."""
        heard: frozenset[str] = frozenset()
        for incident in kin:
            told = await self._told(incident)
            if any(alert["status"] == "firing" for alert in told["alerts"]):
                heard |= await self._tell_of(incident, told, act, heard)

    async def _tell_of(
        self, incident: int, told: dict[str, Any], act: Act, heard: frozenset[str]
    ) -> frozenset[str]:
        said = {
            "verb": act.verb,
            "who": act.who,
            "at": act.at.isoformat(),
            "until": act.until and act.until.isoformat(),
            "detail": act.detail,
        }
        told |= {"status": "firing", "notification_reason": "", ACT_KEY: said}
        try:
            return frozenset((await self.announce(orjson.dumps(told), act.at, heard)).told)
        except StoreUnavailableError as error:  # what was done stands all the same
            _LOG.warning(
                "incident %d: %s by %s is not told: %s", incident, act.verb, act.who, error
            )
            self.metrics.acts.labels(act.verb, "untold").inc()
            return frozenset()

    async def _note(self, actor: Actor, verb: str, incident: int, detail: str) -> None:
        await self.store.note(_change(actor, verb, incident, detail), self.store.now())


def _change(actor: Actor, verb: str, incident: int, detail: str) -> Change:
    return Change(actor.known_as, verb[:40], f"incident {incident}", detail)


def _lasting(act: Act) -> str:
    return f"until {act.until:%Y-%m-%d %H:%M} UTC" if act.until else ""


def _common(every: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return what all that fires has alike; what fires later and differs stays loud."""
    first, *others = [*every] or [{}]
    return {k: v for k, v in first.items() if v and all(o.get(k) == v for o in others)}
