"""Says itself that the Watchdog stays away, since then nobody else's word arrives here."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson

from receiver.intake.ingest import Intake
from receiver.model import REMINDER
from receiver.store.again import again
from receiver.store.store import Store

_LOG = logging.getLogger(__name__)

GROUP = "tocsin:watchdog"
"""Key of the group that is the receiver's own; none of Alertmanager's looks like it."""
_PERIOD = 5.0
_REMIND = timedelta(hours=4)
_SUMMARY = {
    "summary": "The Watchdog stays away: alerts no longer arrive here",
    "summary_zh": "收不到 Watchdog：告警已无法送达",
}
_DESCRIPTION = {
    "description": (
        "The Watchdog alert, which always fires, came last at {last}. Until it comes again, no"
        " silence means that all is well. Follow the path: is Watchdog on Prometheus' alerts page,"
        " is it in Alertmanager, what does Alertmanager's log say about the webhook?"
    ),
    "description_zh": (
        "始终触发的 Watchdog 告警最近一次到达是 {last}。在它恢复之前，没有告警不代表一切正常。"
        "请沿链路检查：Prometheus 的 alerts 页面有无 Watchdog、Alertmanager 中有无、"
        "Alertmanager 日志中 webhook 是否报错。"
    ),
}

Step = Literal["missing", "reminder", "back", ""]


def next_step(
    missing: datetime | None, said: datetime, last: datetime, now: datetime, patience: timedelta
) -> Step:
    """Say what is to be told: `missing` is since when it was said to be, `said` when last.

    `last` is when it came, or when the receiver began to listen, if that was later.
    """
    if now - last < patience:
        return "" if missing is None else "back"
    if missing is None:
        return "missing"
    return "reminder" if abs(now - said) >= _REMIND else ""


def body(step: Step, missing: datetime, last: datetime, now: datetime) -> bytes:
    """Write the webhook in which the receiver tells of itself."""
    over = step == "back"
    when = last.isoformat(" ", "seconds")
    labels = {"alertname": "WatchdogMissing", "severity": "critical"}
    said = {name: text.format(last=when) for name, text in _DESCRIPTION.items()}
    alert: dict[str, Any] = {
        "fingerprint": GROUP,
        "status": "resolved" if over else "firing",
        "labels": labels,
        "annotations": {**_SUMMARY, **said},
        "startsAt": missing.isoformat(),
        "endsAt": now.isoformat() if over else None,
    }
    return orjson.dumps(
        {
            "version": "4",
            "groupKey": GROUP,
            "receiver": "tocsin",
            "status": alert["status"],
            "notification_reason": REMINDER if step == "reminder" else "",
            "groupLabels": labels,
            "alerts": [alert],
        }
    )


@dataclass(slots=True)
class Watch:
    """Looks for the Watchdog; `patience` and `intake` are those in force at the time.

    One that never came is not missed: not everybody has one.
    """

    patience: Callable[[], float]
    intake: Callable[[], Intake]
    store: Store
    began: datetime
    missing: datetime | None = None
    said: datetime | None = None

    async def run(self) -> None:
        """Go on until cancelled."""
        trouble = "whether the Watchdog came cannot be looked up"
        await again(self.once, _PERIOD, trouble, self.store.now)

    async def once(self, now: datetime) -> None:
        """Tell what is to be told; raises StoreUnavailableError."""
        patience = timedelta(seconds=self.patience())
        came = await self.store.last_beat()
        if came is None or not patience:
            return
        if self.said is None:  # an earlier run may have said so
            open_now = await self.store.open_episodes()
            self.missing = next((e.starts_at for e in open_now if e.group_key == GROUP), None)
            self.said = now
        step = next_step(self.missing, self.said, max(came, self.began), now, patience)
        if step:
            await self._tell(step, came, now)

    async def _tell(self, step: Step, came: datetime, now: datetime) -> None:
        missing = self.missing or now
        await self.intake().accept(body(step, missing, came, now), now)
        self.missing, self.said = (None if step == "back" else missing), now
        _LOG.warning("the Watchdog: %s; it came last at %s", step, came)
