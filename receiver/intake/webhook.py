"""Reads Alertmanager's webhook, version 4, as its releases 0.19 to 0.34 write it, and Grafana's.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
Grafana's alerting is built on Alertmanager's code, and says the same with some more keys.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Self, TypeVar

import orjson

from receiver.model import ACT_KEY, Act, Alert, Labels, Notification, Status

MAX_ALERTS = 20_000
MAX_LABELS = 500
"""Labels, or annotations, of one alert; Prometheus advises ten."""

_NUL, _REPLACED = rb"\u0000", rb"\ufffd"
_GRAFANA = "orgId"
"""A key that Grafana's webhook has and Alertmanager's has not."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")  # RFC 3339, 5.6
_QUOTED = re.compile(r"\\([\\.+*?()|\[\]{}^$])")
_KINDS = {str: "a string", dict: "an object", list: "a list", int: "an integer", float: "a number"}
_KINDS |= {bool: "a boolean", type(None): "null"}

_STRINGS = {str}
_STATUSES = {status.value: status for status in Status}
_ZERO = "0001-01-01T00:00:00Z"

_Kind = TypeVar("_Kind")
_Read = Callable[[Any], _Kind]


class ParseError(Exception):
    """A body that is not such a webhook: `steps` lead to the place, `problem` is the reason."""

    def __init__(self, problem: str, *steps: str | int) -> None:
        super().__init__(problem, *steps)
        self.problem = problem
        self.steps = steps

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}" if self.steps else self.problem

    @property
    def path(self) -> str:
        """The place, written like `alerts[2].startsAt`."""
        written = (f"[{at}]" if isinstance(at, int) else f".{at}" for at in self.steps)
        return "".join(written).removeprefix(".")

    def below(self, step: str | int) -> Self:
        """Say that the path begins further up."""
        return type(self)(self.problem, step, *self.steps)


def parse(body: bytes) -> Notification:
    """Read a webhook's body; raises ParseError. Unknown keys are ignored."""
    if _NUL in body:  # which no text of PostgreSQL may have
        body = body.replace(_NUL, _REPLACED)
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ParseError(f"not JSON: {error}") from error
    _expect_version(document)
    return Notification(
        receiver=_field(document, "receiver", _unquoted),
        group_key=_field(document, "groupKey", _text),
        status=_field(document, "status", _status),
        alerts=_field(document, "alerts", _alerts),
        group_labels=_option(document, "groupLabels", _labels, None),
        common_labels=_option(document, "commonLabels", _labels, None),
        common_annotations=_option(document, "commonAnnotations", _labels, None),
        # Grafana's own address knows no page of Alertmanager's.
        external_url="" if _GRAFANA in document else _option(document, "externalURL", _text, ""),
        truncated=_option(document, "truncatedAlerts", _count, 0),
        reason=_option(document, "notification_reason", _text, ""),
        act=_option(document, ACT_KEY, _act, None),
    )


def _expect_version(document: Any) -> None:
    """Refuse what is not Alertmanager's own body, e.g. a custom `payload` (0.32 and newer)."""
    _kind(document, dict)
    missing = [repr(key) for key in ("version", "groupKey") if key not in document]
    if missing:
        problem = f"not Alertmanager's webhook: it has no {' and no '.join(missing)}"
        raise ParseError(f"{problem}; remove `payload` from this webhook_config")
    version = _field(document, "version", _text)
    known = "1" if _GRAFANA in document else "4"
    if version != known:
        raise ParseError(f"only {known!r} is understood, not {version!r:.40}", "version")


def _field(holder: dict[str, Any], key: str, read: _Read[_Kind]) -> _Kind:
    if key not in holder:
        raise ParseError("missing", key)
    return _option(holder, key, read, None)


def _option(holder: dict[str, Any], key: str, read: _Read[_Kind], default: Any) -> _Kind:
    """Read the value of a key; where it is in the JSON is said only of what is wrong."""
    try:
        return read(holder.get(key, default))
    except ParseError as error:
        raise error.below(key) from error


def _alerts(value: Any) -> tuple[Alert, ...]:
    items = _kind(value, list)
    if not items:
        raise ParseError("empty; a notification is about at least one alert")
    if len(items) > MAX_ALERTS:
        problem = f"{len(items)} alerts; at most {MAX_ALERTS} are read"
        raise ParseError(f"{problem}, so set `max_alerts` in this webhook_config")
    return tuple(_each(items))


def _each(items: Sequence[Any]) -> Iterator[Alert]:
    for index, item in enumerate(items):
        try:
            yield _alert(item)
        except ParseError as error:
            raise error.below(index) from error


def _alert(value: Any) -> Alert:
    """Read one alert; in one loop, since a webhook may have twenty thousand."""
    alert = _kind(value, dict)
    read = []
    for key, reader, default in _ALERT:
        given = alert.get(key, default)
        if given is _MISSING:
            raise ParseError("missing", key)
        try:
            read.append(reader(given))
        except ParseError as error:
            raise error.below(key) from error
    return Alert(*read)


def _act(value: Any) -> Act | None:
    if value is None:
        return None
    act = _kind(value, dict)
    return Act(
        verb=_field(act, "verb", _text),
        who=_field(act, "who", _text),
        at=_field(act, "at", _time),
        until=_option(act, "until", _end, None),
        detail=_option(act, "detail", _text, ""),
        whom=_option(act, "whom", _text, ""),
        run=_option(act, "run", _count, 0),
    )


def _kind(value: Any, kind: type[_Kind]) -> _Kind:
    if type(value) is not kind:
        raise ParseError(f"{_KINDS[kind]} is expected, not {_KINDS[type(value)]}")
    return value


def _text(value: Any) -> str:
    return _kind(value, str)


def _unquoted(value: Any) -> str:
    """Read a receiver's name, which Alertmanager quotes as if for a regular expression."""
    text = _text(value)
    return _QUOTED.sub(r"\1", text) if "\\" in text else text


def _count(value: Any) -> int:
    if _kind(value, int) < 0:
        raise ParseError(f"a count is expected, not {value}")
    return int(value)


def _status(value: Any) -> Status:
    text = _text(value)
    status = _STATUSES.get(text)
    if status is None:
        raise ParseError(f"'firing' or 'resolved' is expected, not {text!r:.40}")
    return status


def _labels(value: Any) -> Labels:
    """Read a set of labels or annotations; Go writes an empty one as null now and then."""
    if value is None:
        return {}
    labels = _kind(value, dict)
    if len(labels) > MAX_LABELS:
        raise ParseError(f"{len(labels)} of them; at most {MAX_LABELS} are read")
    if set(map(type, labels.values())) <= _STRINGS:
        return labels
    name, text = next((n, text) for n, text in labels.items() if type(text) is not str)
    raise ParseError(f"a string is expected, not {_KINDS[type(text)]}", name)


def _time(value: Any) -> datetime:
    """Read a time to the microsecond; Alertmanager writes up to nine decimals."""
    return _moment(_text(value))


@lru_cache(maxsize=4096)  # the alerts of one outage begin together, and come again
def _moment(text: str) -> datetime:
    if _TIME.fullmatch(text):
        with suppress(ValueError, OverflowError):  # no such day, or before the year 1 in UTC
            return datetime.fromisoformat(text).astimezone(UTC)
    raise ParseError(f"not an RFC 3339 time: {text!r:.60}")


def _end(value: Any) -> datetime | None:
    """Read an end; Go's zero time, the year 1, means that there is none yet."""
    if value is None or value == _ZERO:
        return None
    end = _time(value)
    return None if end.year == 1 else end


_MISSING = object()
_ALERT: Sequence[tuple[str, _Read[Any], object]] = (
    ("fingerprint", _text, _MISSING),
    ("status", _status, _MISSING),
    ("labels", _labels, _MISSING),
    ("annotations", _labels, None),
    ("startsAt", _time, _MISSING),
    ("endsAt", _end, None),
    ("generatorURL", _text, ""),
)
"""Where an alert's fields stand, in their order; without a default they must be there."""
