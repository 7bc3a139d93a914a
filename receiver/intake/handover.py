"""Says that somebody else is on call now: who hands over to whom, until when, and what is open."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal

import orjson

from receiver.incidents.oncall.duty import Duty
from receiver.incidents.oncall.shifts import Shift
from receiver.intake.ingest import Intake
from receiver.intake.webhook import parse
from receiver.model import ACT_KEY, OF_NONE, Act
from receiver.store.again import again
from receiver.store.records import Decision, Known, Webhook
from receiver.store.rota import Stint
from receiver.store.store import Store

_LOG = logging.getLogger(__name__)

GROUP = f"{OF_NONE}handover"
"""What the keys of the groups begin with; each hand-over is a group, and an incident, of its own,
which is over as soon as it is told."""
_PERIOD = 15.0
_MOST = 5

Step = Literal["note", "tell", ""]


def next_step(told: Stint | None, shift: Shift | None) -> Step:
    """Say what to do about whose time it is, where `told` was the last to be told.

    The first whom a schedule has takes over from nobody. A shift that did not begin after the one
    that was told is no hand-over: two receivers may have read different files for a while.
    """
    if shift is None:
        return ""
    if told is None:
        return "note"
    return "tell" if shift.since > told.since and shift.person != told.person else ""


def body(schedule: str, act: Act, topics: Sequence[str], more: int) -> bytes:
    """Write the webhook that tells of a hand-over; `act.detail` is who had it before."""
    labels = {"alertname": f"{schedule}: {act.detail} → {act.who}", "severity": "info"}
    alert: dict[str, Any] = {
        "fingerprint": GROUP,
        "status": "resolved",
        "labels": labels,
        "annotations": _open(topics, more),
        "startsAt": act.at.isoformat(),
        "endsAt": act.at.isoformat(),
    }
    said = {"verb": act.verb, "who": act.who, "at": act.at.isoformat(), "detail": act.detail}
    return orjson.dumps(
        {
            "version": "4",
            "groupKey": f"{GROUP}:{schedule}:{act.at.isoformat()}",
            "receiver": "tocsin",
            "status": "resolved",
            "groupLabels": {"alertname": schedule},
            "alerts": [alert],
            ACT_KEY: said | {"until": act.until and act.until.isoformat()},
        }
    )


def _open(topics: Sequence[str], more: int) -> dict[str, str]:
    """Say what is open in both languages."""
    count = len(topics) + more
    if not count:
        return {"summary": "Nothing is open.", "summary_zh": "没有未恢复的事件。"}
    en, zh = (", ".join(topics), "、".join(topics))
    rest = (f" and {more} more", f"，另有 {more} 个") if more else ("", "")
    return {
        "summary": f"Open now, {count}: {en}{rest[0]}",
        "summary_zh": f"未恢复的事件 {count} 个：{zh}{rest[1]}",
    }


@dataclass(slots=True)
class Handover:
    """Looks again and again who is on call; `duty` and `intake` are those in force at the time."""

    duty: Callable[[], Duty]
    intake: Callable[[], Intake]
    store: Store

    async def run(self) -> None:
        """Go on until cancelled."""
        await again(self.once, _PERIOD, "hand-overs cannot be told", self.store.now)

    async def once(self, now: datetime) -> None:
        """Tell what is to be told; raises StoreUnavailableError.

        What is told is noted after it is owed: where the process dies between, or another
        receiver was faster, the group is known already, and the message is suppressed.
        """
        duty = self.duty()
        plans = {name: plan for name, plan in duty.schedules.items() if plan.handover}
        if not plans:
            return
        told, whose, noted = await self.store.rota.told(), await duty.now(now), []
        for name, plan in plans.items():
            before, shift = told.get(name), whose[name]
            step = next_step(before, shift)
            if step and shift:
                noted.append(Stint(name, shift.person, shift.since, shift.until))
            if step == "tell" and shift and before:
                who, last = duty.name(shift.person), duty.name(before.person)
                act = Act("handover", who, shift.since, shift.until, last)
                await self._tell(name, plan.handover, act, now)
        if noted:
            await self.store.rota.tell(noted)

    async def _tell(self, schedule: str, channel: str, act: Act, now: datetime) -> None:
        topics, more = await self._topics()
        raw = body(schedule, act, topics, more)
        choose = partial(_once, channel)
        decision = await self.store.accept(Webhook(raw, parse(raw), now), choose)
        intake = self.intake()
        if decision.reason:
            intake.metrics.suppressed(channel, decision.reason)
            return
        _LOG.info("on call by %s until %s: %s", schedule, act.until, act.who)
        intake.wake([channel])

    async def _topics(self) -> tuple[list[str], int]:
        """Return what the newest open incidents are about, and how many more are open."""
        every = sorted({each.incident for each in await self.store.open_episodes()}, reverse=True)
        newest = [await self.store.newest_of(number) for number in every[:_MOST]]
        topics = [told.topic for told in newest if told]
        return topics, len(every) - len(topics)


def _once(channel: str, known: Known) -> Decision:
    return Decision((channel,), "duplicate" if known.resolved else "")
