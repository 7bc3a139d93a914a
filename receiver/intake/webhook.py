"""Reads Alertmanager's webhook, version 4, as its releases 0.19 to 0.34 write it, and Grafana's.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
Grafana's alerting is built on Alertmanager's code, and says the same with some more keys.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson

from receiver.model import Alert, Labels, Notification, Status

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

_Kind = TypeVar("_Kind")


class ParseError(Exception):
    """A body that is not such a webhook: `path` is the place in the JSON, `problem` the reason."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}" if path else problem)
        self.path = path
        self.problem = problem


def parse(body: bytes) -> Notification:
    """Read a webhook's body; raises ParseError. Unknown keys are ignored."""
    if _NUL in body:  # which no text of PostgreSQL may have
        body = body.replace(_NUL, _REPLACED)
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ParseError("", f"not JSON: {error}") from error
    _expect_version(document)
    return Notification(
        # Alertmanager quotes the receiver's name as if for a regular expression.
        receiver=_QUOTED.sub(r"\1", _field(document, "", "receiver", _text)),
        group_key=_field(document, "", "groupKey", _text),
        status=_field(document, "", "status", _status),
        alerts=_field(document, "", "alerts", _alerts),
        group_labels=_labels(document.get("groupLabels"), "groupLabels"),
        common_labels=_labels(document.get("commonLabels"), "commonLabels"),
        common_annotations=_labels(document.get("commonAnnotations"), "commonAnnotations"),
        external_url=_text(document.get("externalURL", ""), "externalURL"),
        truncated=_count(document.get("truncatedAlerts", 0), "truncatedAlerts"),
        reason=_text(document.get("notification_reason", ""), "notification_reason"),
    )


def _expect_version(document: Any) -> None:
    """Refuse what is not Alertmanager's own body, e.g. a custom `payload` (0.32 and newer)."""
    _kind(document, "", dict)
    missing = [repr(key) for key in ("version", "groupKey") if key not in document]
    if missing:
        problem = f"not Alertmanager's webhook: it has no {' and no '.join(missing)}"
        raise ParseError("", f"{problem}; remove `payload` from this webhook_config")
    version = _text(document["version"], "version")
    known = "1" if _GRAFANA in document else "4"
    if version != known:
        raise ParseError("version", f"only {known!r} is understood, not {version!r:.40}")


def _field(holder: dict[str, Any], at: str, key: str, read: Callable[[Any, str], _Kind]) -> _Kind:
    path = f"{at}.{key}" if at else key
    if key not in holder:
        raise ParseError(path, "missing")
    return read(holder[key], path)


def _alerts(value: Any, path: str) -> tuple[Alert, ...]:
    items = _kind(value, path, list)
    if not items:
        raise ParseError(path, "empty; a notification is about at least one alert")
    if len(items) > MAX_ALERTS:
        problem = f"{len(items)} alerts; at most {MAX_ALERTS} are read"
        raise ParseError(path, f"{problem}, so set `max_alerts` in this webhook_config")
    return tuple(_alert(item, f"{path}[{index}]") for index, item in enumerate(items))


def _alert(value: Any, path: str) -> Alert:
    alert = _kind(value, path, dict)
    return Alert(
        fingerprint=_field(alert, path, "fingerprint", _text),
        status=_field(alert, path, "status", _status),
        labels=_field(alert, path, "labels", _labels),
        annotations=_labels(alert.get("annotations"), f"{path}.annotations"),
        starts_at=_field(alert, path, "startsAt", _time),
        ends_at=_end(alert.get("endsAt"), f"{path}.endsAt"),
        generator_url=_text(alert.get("generatorURL", ""), f"{path}.generatorURL"),
    )


def _kind(value: Any, path: str, kind: type[_Kind]) -> _Kind:
    if type(value) is not kind:
        raise ParseError(path, f"{_KINDS[kind]} is expected, not {_KINDS[type(value)]}")
    return value


def _text(value: Any, path: str) -> str:
    return _kind(value, path, str)


def _count(value: Any, path: str) -> int:
    if _kind(value, path, int) < 0:
        raise ParseError(path, f"a count is expected, not {value}")
    return int(value)


def _status(value: Any, path: str) -> Status:
    text = _text(value, path)
    try:
        return Status(text)
    except ValueError as error:
        problem = f"'firing' or 'resolved' is expected, not {text!r:.40}"
        raise ParseError(path, problem) from error


def _labels(value: Any, path: str) -> Labels:
    """Read a set of labels or annotations; Go writes an empty one as null now and then."""
    if value is None:
        return {}
    labels = _kind(value, path, dict)
    if len(labels) > MAX_LABELS:
        raise ParseError(path, f"{len(labels)} of them; at most {MAX_LABELS} are read")
    if not all(type(text) is str for text in labels.values()):
        for name, text in labels.items():
            _text(text, f"{path}.{name}")
    return labels


def _time(value: Any, path: str) -> datetime:
    """Read a time to the microsecond; Alertmanager writes up to nine decimals."""
    text = _text(value, path)
    if _TIME.fullmatch(text):
        with suppress(ValueError, OverflowError):  # no such day, or before the year 1 in UTC
            return datetime.fromisoformat(text).astimezone(UTC)
    raise ParseError(path, f"not an RFC 3339 time: {text!r:.60}")


def _end(value: Any, path: str) -> datetime | None:
    """Read an end; Go's zero time, the year 1, means that there is none yet."""
    end = _time(value, path) if value is not None else None
    return None if end is None or end.year == 1 else end
