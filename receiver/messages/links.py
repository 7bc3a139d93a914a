"""What an operator may open from a message, from the first alert that has it."""

from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote

from receiver.messages.filters import web_link
from receiver.model import Alert, Labels

Links = Iterator[tuple[str, str]]
"""(kind, URL)"""

_SAID = {"runbook": "runbook_url", "dashboard": "dashboard_url"}


def links_of(
    alerts: Sequence[Alert], shared: Labels, alertmanager: str, own: tuple[str, str], picture: str
) -> Links:
    """Yield the links; `alertmanager` is where a silence may be made, and `own` a page of ours."""
    for kind, annotation in _SAID.items():
        yield from _first(kind, (alert.annotations.get(annotation, "") for alert in alerts))
    yield from _first("graph", (alert.generator_url for alert in alerts))
    yield from _first("silence", [_silence(alertmanager, shared)])
    yield from _first("picture", [picture])
    kind, url = own
    yield from _first(kind, [url])


def _silence(alertmanager: str, shared: Labels) -> str:
    """Return where a silence of all that these alerts share is made, with the form filled in."""
    if "/#/silences/" in alertmanager:  # one that there is
        return alertmanager
    if not alertmanager or not shared:
        return ""
    said = ", ".join(f'{name}="{_escaped(value)}"' for name, value in sorted(shared.items()))
    matchers = quote(f"{{{said}}}", safe="", errors="replace")
    return f"{alertmanager.rstrip('/')}/#/silences/new?filter={matchers}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _first(kind: str, urls: Iterable[str]) -> Links:
    found = (link for link in map(web_link, urls) if link)
    yield from ((kind, link) for link in [next(found, "")] if link)
