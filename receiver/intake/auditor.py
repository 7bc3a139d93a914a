"""Checks that whatever is open or owed has a next step, and says so as a heartbeat.

A queue that is merely old shows in its own metric; here is looked for what nobody works on.
"""

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from receiver.intake.watchdog import GROUP
from receiver.metrics import Metrics
from receiver.store.again import again
from receiver.store.facts import Facts
from receiver.store.store import Store

_LOG = logging.getLogger(__name__)

_PERIOD = 60.0
_IDLE = timedelta(minutes=5)
"""How long a channel may leave alone what is due: its worker looks every minute."""
_REMINDED = timedelta(days=7)
"""Within it, a reminder is to be expected: Alertmanager's repeat_interval is hours or days."""
KINDS = ("delivery", "channel", "incident", "escalation")


@dataclass(frozen=True, slots=True)
class Post:
    """A channel at work: where it sends, and how long its pace may make one message wait."""

    destination: str
    wait: timedelta


@dataclass(frozen=True, slots=True)
class Finding:
    """Something without a next step: a channel's deliveries, an incident, or its escalation."""

    kind: str
    said: str


def audit(
    facts: Facts, now: datetime, channels: Mapping[str, Post], compared: Collection[int]
) -> list[Finding]:
    """Return what has no next step.

    `channels` are those at work; `compared` the incidents that were compared with Alertmanager's
    alerts lately, which will be done again.
    """
    found = [
        Finding("channel", f"channel {name} is owed messages, and nobody works on them")
        for name in facts.due
        if name not in channels
    ]
    found += [
        Finding("delivery", f"channel {name} leaves alone what is due since {since:%F %T} UTC")
        for name, since in facts.due.items()
        if name in channels and _is_left_alone(facts, name, channels[name], now)
    ]
    lost = set(facts.hollow)
    for number, heard in facts.incidents.items():
        expected = heard.group_key == GROUP or number in compared
        if not expected and now - heard.at > _REMINDED:
            lost.add(number)
    return found + [
        Finding("incident", f"incident {number} is open, and nothing would ever close it")
        for number in sorted(lost)
    ]


def _is_left_alone(facts: Facts, name: str, post: Post, now: datetime) -> bool:
    latest = [facts.due[name]]
    latest += [at for at in (facts.tried.get(name), facts.rests.get(post.destination)) if at]
    return now - max(latest) > _IDLE + post.wait


Stuck = Callable[[datetime], Awaitable[Collection[int]]]
"""Returns the open incidents of which the next one should long have been asked."""


async def _none(_: datetime) -> Collection[int]:
    return ()


@dataclass(slots=True)
class Auditor:
    """Looks again and again; `channels` and `compared` are those of the time."""

    channels: Callable[[], Mapping[str, Post]]
    compared: Callable[[datetime], Collection[int]]
    store: Store
    metrics: Metrics
    stuck: Stuck = _none

    async def run(self) -> None:
        """Go on until cancelled; while the store is away there is no heartbeat."""
        await again(self.once, _PERIOD, "what is open or owed cannot be looked at", self.store.now)

    async def once(self, now: datetime) -> list[Finding]:
        """Look, count and log; raises StoreUnavailableError."""
        found = audit(await self.store.facts(), now, self.channels(), self.compared(now))
        found += [
            Finding("escalation", f"incident {number} waits for somebody who is not asked")
            for number in await self.stuck(now)
        ]
        for kind in KINDS:
            count = sum(finding.kind == kind for finding in found)
            self.metrics.audit_findings.labels(kind).set(count)
        for finding in found:
            _LOG.error("no next step: %s", finding.said)
        if not found:
            self.metrics.audited.set(now.timestamp())
        return found
