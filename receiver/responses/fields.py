"""What a step may say of its alert: `${labels.NAME}` and a few more, put in as data (pure).

No value is ever read again: it is no shell word, no template and no option, and whatever could
be taken for one is refused instead of being quoted.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from receiver.model import Labels

PLACE = re.compile(r"\$\{([^{}]*)\}")
_LABEL = re.compile(r"labels\.[a-zA-Z_]\w*", re.ASCII)
_SAFE = re.compile(r"[A-Za-z0-9_/][A-Za-z0-9_./:@%+=,-]{0,199}")
_OWN = ("target", "incident", "fingerprint", "started", "run")


class UnsafeError(Exception):
    """A field of an alert that no step may have: which, and why."""


@dataclass(frozen=True, slots=True)
class Fields:
    """What is known of the alert that a run is about."""

    labels: Labels
    target: str
    incident: int
    fingerprint: str
    started: datetime
    run: int = 0

    def value(self, name: str) -> str:
        """Return a field as text; raises UnsafeError where it is missing or could be more."""
        if name.startswith("labels."):
            text = self.labels.get(name.removeprefix("labels."), "")
        elif name == "started":
            text = str(int(self.started.timestamp()))
        else:
            text = str(getattr(self, name))
        if not text:
            raise UnsafeError(f"the alert has no {name}")
        if not is_safe(text):
            raise UnsafeError(f"{name} is {text!r:.80}, which could be more than a name")
        return text


def is_safe(text: str) -> bool:
    """Whether a text is but a name, a number, an address or a path that leads down."""
    return _SAFE.fullmatch(text) is not None and ".." not in text.split("/")


def named(value: Any) -> Iterator[str]:
    """Yield the fields that a value names, wherever in it."""
    for text in _texts(value):
        yield from PLACE.findall(text)


def unknown(value: Any) -> list[str]:
    """Return what is named that no alert has."""
    return [name for name in named(value) if name not in _OWN and not _LABEL.fullmatch(name)]


def known() -> str:
    """Name the fields that there are."""
    return ", ".join(("labels.NAME", *_OWN))


def fill(value: Any, fields: Fields) -> Any:
    """Put fields in where they are named; raises UnsafeError."""
    if isinstance(value, str):
        return PLACE.sub(lambda found: fields.value(found[1]), value)
    if isinstance(value, BaseModel):
        filled = {name: fill(getattr(value, name), fields) for name in type(value).model_fields}
        return value.model_copy(update=filled)
    if isinstance(value, Mapping):
        return {key: fill(inner, fields) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(fill(inner, fields) for inner in value)
    return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, BaseModel):
        yield from _texts([getattr(value, name) for name in type(value).model_fields])
    elif isinstance(value, Mapping):
        yield from _texts([*value.values()])
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from _texts(inner)
