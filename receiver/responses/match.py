"""Which runbooks an alert sets off (pure)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from receiver.model import Alert
from receiver.responses.runbook import Mode, Runbook
from receiver.store.run_records import Wanted


@dataclass(frozen=True, slots=True)
class Due:
    """A response that is due at a time, as long as its alert fires until then."""

    at: datetime
    wanted: Wanted


@dataclass(slots=True)
class Shelf:
    """Runbooks by the name of the alert that they are for, since most name one of a thousand."""

    runbooks: Iterable[Runbook]
    _named: dict[str, list[Runbook]] = field(default_factory=lambda: defaultdict(list))
    _others: list[Runbook] = field(default_factory=list)

    def __post_init__(self) -> None:
        for runbook in self.runbooks:
            if runbook.mode is Mode.OFF:
                continue
            names = [m.value for m in runbook.match if (m.name, m.operator) == ("alertname", "=")]
            (self._named[names[0]] if names else self._others).append(runbook)

    def set_off(self, alert: Alert, incident: int) -> Iterator[Due]:
        """Yield the response of each runbook that is for an alert."""
        for runbook in (*self._named.get(alert.labels.get("alertname", ""), ()), *self._others):
            if runbook.matches(alert.labels):
                at = alert.starts_at + timedelta(seconds=runbook.lasting)
                yield Due(at, wanted(runbook, alert, incident))


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
