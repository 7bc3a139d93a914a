"""The text that is sent where a template fails: plain, complete enough, and without a template."""

from receiver.messages.digested import DigestView
from receiver.messages.view import View


def builtin(view: View) -> tuple[str, str]:
    """Return one line of state and names, and every shown alert with its texts and its start."""
    title = f"[{view.emoji} {view.state}] {', '.join(view.names[:3]) or 'Alert'}"
    lines = [
        f"{alert.emoji} {alert.name} {alert.host} {alert.summary} {alert.description}"
        f" ({alert.started.isoformat(' ', 'seconds')})"
        for alert in view.alerts
    ]
    hidden = view.more + view.truncated
    return title, "\n\n".join([*lines, f"+ {hidden}"] if hidden else lines)


def builtin_digest(view: DigestView) -> tuple[str, str]:
    """Return the title and the text of a digest: every kind of alert with its hosts."""
    title = f"[{view.emoji} {view.state}] {view.messages}: {', '.join(view.names[:3]) or 'Alert'}"
    lines = [
        f"{kind.emoji} {kind.name} ({kind.firing + kind.settled}) {', '.join(kind.hosts)}"
        for kind in view.kinds
    ]
    rest = f"+ {view.more}: {', '.join(view.others)}"
    return title, "\n\n".join([*lines, rest] if view.more else lines)
