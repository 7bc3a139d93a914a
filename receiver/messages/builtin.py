"""The text that is sent where a template fails: plain, complete enough, and without a template."""

from receiver.messages.view import DigestView, View


def builtin_title(view: View) -> str:
    """Return one line that says state and names."""
    return f"[{view.emoji} {view.state}] {', '.join(view.names[:3]) or 'Alert'}"


def builtin_text(view: View) -> str:
    """Return every shown alert with its host, its texts and the start of its time."""
    lines = [
        f"{alert.emoji} {alert.name} {alert.host} {alert.summary} {alert.description}"
        f" ({alert.started.isoformat(' ', 'seconds')})"
        for alert in view.alerts
    ]
    hidden = view.more + view.truncated
    return "\n\n".join([*lines, f"+ {hidden}"] if hidden else lines)


def builtin_digest(view: DigestView) -> tuple[str, str]:
    """Return the title and the text of a digest: every kind of alert with its hosts."""
    title = f"[{view.emoji} {view.state}] {view.messages}: {', '.join(view.names[:3]) or 'Alert'}"
    lines = [
        f"{kind.emoji} {kind.name} ({kind.firing + kind.settled}) {', '.join(kind.hosts)}"
        for kind in view.kinds
    ]
    return title, "\n\n".join([*lines, f"+ {view.more}"] if view.more else lines)
