"""Which runbooks an alert sets off (pure)."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from receiver.model import Alert, Status
from receiver.responses.runbook import Mode, Runbook
from receiver.store.run_records import Wanted


def set_off(
    runbooks: Iterable[Runbook], alerts: Iterable[Alert], incident: int, now: datetime
) -> Iterator[Wanted]:
    """Yield a response for each alert that fires for long enough and each runbook for it."""
    fires = [alert for alert in alerts if alert.status is Status.FIRING]
    for runbook in runbooks:
        for alert in fires:
            lasted = (now - alert.starts_at).total_seconds()
            if lasted >= runbook.lasting and is_for(runbook, alert):
                yield wanted(runbook, alert, incident)


def is_for(runbook: Runbook, alert: Alert) -> bool:
    """Whether a runbook is for such an alert, however long it fires."""
    return runbook.mode is not Mode.OFF and runbook.matches(alert.labels)


def wanted(runbook: Runbook, alert: Alert, incident: int) -> Wanted:
    """Return the response to an alert."""
    return Wanted(
        runbook.name,
        alert.fingerprint,
        alert.starts_at,
        incident,
        alert.labels.get(runbook.target, ""),
        runbook.mode.value,
        alert.labels,
    )
