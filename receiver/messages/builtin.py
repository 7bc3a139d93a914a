"""The text that is sent where a template fails: plain, complete enough, and without a template."""

from receiver.messages.view import View


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
