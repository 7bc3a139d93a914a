"""Finds the alerts that are over though nobody said so, and those that somebody keeps quiet.

Alertmanager forgets what it did not tell when it restarts, and tells nothing of an alert that
resolves while it is silenced.
https://github.com/prometheus/alertmanager/issues/2370
https://github.com/prometheus/alertmanager/issues/226
"""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import aiohttp
import orjson

from receiver.intake.ingest import Intake
from receiver.intake.webhook import MAX_LABELS
from receiver.metrics import Metrics
from receiver.model import ASSUMED, Language
from receiver.store.audit import Change
from receiver.store.schema import EPOCH, StoreUnavailableError
from receiver.store.standings import Key, Open, Standing
from receiver.store.store import Store
from receiver.upstream.alertmanager import Alertmanager, Seen, Sight, look
from receiver.upstream.asking import AskError

_LOG = logging.getLogger(__name__)

_IDLE = 15.0
"""Seconds until it is looked again after nothing was found out."""
_TOGETHER = 5_000
"""Alerts in one webhook of our own: less than any may have."""
_SAID = {
    Language.EN: "Alertmanager no longer knows this alert; that it resolved was never told.",
    Language.ZH: "Alertmanager 中已没有此告警，但从未收到其恢复通知。",
}


@dataclass(frozen=True, slots=True)
class Findings:
    """Standings that changed, what is over, how many alerts stand how, in which incidents."""

    changes: Mapping[Key, Standing | None]
    over: Sequence[Open]
    count: Mapping[str, int]
    incidents: frozenset[int]


def compare(
    known: Iterable[Open], sights: Sequence[Sight], now: datetime, patience: timedelta
) -> Findings:
    """Compare what is open here with what every Alertmanager knows.

    An alert is over once all have not known it for `patience`, each of them running as long and
    no webhook having spoken of its incident meanwhile. What came from elsewhere is left alone.
    """
    changes: dict[Key, Standing | None] = {}
    over: list[Open] = []
    count: Counter[str] = Counter()
    settled = all(now - sight.up_since >= patience for sight in sights)
    ours = [each for each in known if any(each.receiver in s.receivers for s in sights)]
    for each in ours:
        standing = _standing(each, [_seen(each, sight) for sight in sights], now)
        count[standing.state if standing else "active"] += 1
        if standing != each.standing:
            changes[each.key] = standing
        if standing and standing.state == "missing" and settled and now - standing.since > patience:
            over.append(each)
    return Findings(changes, over, count, frozenset(each.incident for each in ours))


def _seen(each: Open, sight: Sight) -> Seen | None:
    seen = sight.alerts.get(each.fingerprint)
    return seen if seen is not None and each.receiver in seen.receivers else None


def _standing(each: Open, seen: Sequence[Seen | None], now: datetime) -> Standing | None:
    known = [one for one in seen if one is not None]
    if any(one.state == "active" for one in known):
        return None
    state, by = (known[0].state, ",".join(known[0].by)) if known else ("missing", "")
    before = each.standing
    if before is None or before.state != state or before.by != by:
        return Standing(state, now, by)
    if state == "missing" and each.heard_at > before.since:
        return Standing(state, each.heard_at)
    return before


def resolved(told: Sequence[bytes], over: Sequence[Open], now: datetime) -> bytes | None:
    """Write the webhook that never came for alerts of one incident.

    `told` are the incident's webhooks, newest first, from which labels and texts are taken.
    None where they came from Grafana, whose alerts no Alertmanager knows.
    """
    documents = [orjson.loads(body) for body in told]
    if any("orgId" in document for document in documents):
        return None
    said = {
        alert["fingerprint"]: alert
        for document in reversed(documents)
        for alert in document["alerts"]
    }
    newest = documents[0] if documents else {}
    alerts = [_ended(said.get(each.fingerprint, {}), each, now) for each in over]
    return orjson.dumps(
        {
            "version": "4",
            "groupKey": over[0].group_key,
            "receiver": newest.get("receiver", over[0].receiver),
            "status": "resolved",
            "notification_reason": ASSUMED,
            "alerts": alerts,
            "groupLabels": newest.get("groupLabels"),
            "externalURL": newest.get("externalURL", ""),
        }
    )


def _ended(alert: Mapping[str, Any], each: Open, now: datetime) -> dict[str, Any]:
    words = {f"description_{language}": said for language, said in _SAID.items()}
    words["description"] = _SAID[Language.EN]
    told = islice((alert.get("annotations") or {}).items(), MAX_LABELS - len(words))
    return {
        "labels": {},
        **alert,
        "fingerprint": each.fingerprint,
        "status": "resolved",
        "startsAt": each.starts_at.isoformat(),
        "endsAt": now.isoformat(),
        "annotations": {**dict(told), **words},
    }


@dataclass(slots=True)
class Reconciler:
    """Asks Alertmanager again and again; `told` and `intake` are those in force at the time."""

    told: Callable[[], Alertmanager | None]
    intake: Callable[[], Intake]
    store: Store
    http: aiohttp.ClientSession
    metrics: Metrics
    answered: datetime = EPOCH
    compared: frozenset[int] = frozenset()

    def cares_for(self, now: datetime) -> Collection[int]:
        """Return the incidents that were compared lately, and so will be again."""
        told = self.told()
        if told is None:
            return ()
        late = timedelta(seconds=told.patience + 3 * told.interval)
        return self.compared if now - self.answered <= late else ()

    async def run(self) -> None:
        """Go on until cancelled; an Alertmanager or a store that is away is asked again."""
        while True:
            told = self.told()
            done = told is not None and await self._try(told)
            await asyncio.sleep(told.interval if told and done else _IDLE)

    async def _try(self, told: Alertmanager) -> bool:
        try:
            await self.once(told, self.store.now())
        except AskError as error:
            self.metrics.reconcile_failures.labels(error.reason).inc()
            _LOG.warning("Alertmanager cannot be asked what fires: %s", error)
        except StoreUnavailableError as error:
            self.metrics.reconcile_failures.labels("store").inc()
            _LOG.warning("what fires cannot be compared with the store: %s", error)
        else:
            return True
        return False

    async def once(self, told: Alertmanager, now: datetime) -> None:
        """Ask all, and act on what is found; raises AskError and StoreUnavailableError."""
        sights = [await look(self.http, told, url) for url in told.url]
        known = await self.store.open_episodes()
        patience = timedelta(seconds=told.patience)
        found = await asyncio.to_thread(compare, known, sights, now, patience)
        await self.store.stand(found.changes)
        by_incident: defaultdict[int, list[Open]] = defaultdict(list)
        for each in found.over:
            by_incident[each.incident].append(each)
        for incident, over in by_incident.items():
            for start in range(0, len(over), _TOGETHER):
                await self._close(incident, over[start : start + _TOGETHER], now)
        for state in ("active", "silenced", "inhibited", "muted", "missing"):
            self.metrics.open_alerts.labels(state).set(found.count.get(state, 0))
        self.metrics.reconciled.set(now.timestamp())
        self.answered, self.compared = now, found.incidents

    async def _close(self, incident: int, over: Sequence[Open], now: datetime) -> None:
        body = resolved(await self.store.told_of(incident), over, now)
        if body is None:
            return
        await self.intake().accept(body, now)
        self.metrics.resolves_lost.inc(len(over))
        detail = f"{len(over)} alerts that Alertmanager no longer knows"
        await self.store.note(Change("tocsin", "resolve", f"incident {incident}", detail), now)
        _LOG.info("incident %d: resolved %s", incident, detail)
