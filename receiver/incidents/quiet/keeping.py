"""What keeps quiet at one moment, and what that hides (pure)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from receiver.incidents.quiet.windows import Window
from receiver.model import Alert, Labels, Status
from receiver.store.held import MAINTENANCE
from receiver.store.records import Hold, Known


@dataclass(frozen=True, slots=True)
class Quiet:
    """`windows` are those that are open now."""

    windows: Sequence[Window] = ()

    def window(self, labels: Labels) -> Hold | None:
        """Return what keeps an alert with these labels from everybody, if something does."""
        found = next((window for window in self.windows if window.covers(labels)), None)
        return Hold(MAINTENANCE, found.name) if found else None

    def keeps(self, _channel: str, labels: Labels) -> Hold | None:
        """Return what keeps such an alert from a channel, if something does."""
        return self.window(labels)

    def goes_on(self, _channel: str, hold: Hold) -> bool:
        """Whether what kept something from a channel still does."""
        return hold.reason == MAINTENANCE and hold.name in {each.name for each in self.windows}


LOUD = Quiet()


@dataclass(frozen=True, slots=True)
class Hidden:
    """Alerts that nobody is told of: by fingerprint, with what hides each."""

    by: Mapping[str, Hold] = field(default_factory=dict)

    def shown(self, alerts: Iterable[Alert]) -> list[Alert]:
        """Return the alerts that can be told."""
        return [alert for alert in alerts if alert.fingerprint not in self.by]


def hide(alerts: Iterable[Alert], known: Known, quiet: Quiet) -> Hidden:
    """Say which alerts a window hides: what fires, and the end of what began hidden.

    Whoever was told that something fires is told that it is over, be there a window or not: they
    may be at work on it, and would take silence for trouble that lasts.
    """
    if not (quiet.windows or known.hidden):
        return Hidden()
    return Hidden(
        {
            alert.fingerprint: hold
            for alert in alerts
            if (hold := _hold(alert, known, quiet)) is not None
        }
    )


def _hold(alert: Alert, known: Known, quiet: Quiet) -> Hold | None:
    if alert.status is Status.FIRING:
        return quiet.window(alert.labels)
    began = known.hidden.get(alert.fingerprint)
    return Hold(MAINTENANCE, began) if began else None
