import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.intake.webhook import MAX_ALERTS, MAX_LABELS, ParseError, parse
from receiver.model import Status
from tests.receiver.webhooks import BODIES, CAPTURED, alert, body, document, grafana


@pytest.mark.parametrize("path", BODIES, ids=lambda p: str(p.relative_to(CAPTURED)))
def test_every_captured_webhook_of_every_version_is_read(path: Path) -> None:
    said = json.loads(path.read_text())
    read = parse(path.read_bytes())
    assert (read.receiver, read.group_key) == (said["receiver"], said["groupKey"])
    assert read.status == said["status"]
    assert read.truncated == said["truncatedAlerts"]
    assert [a.fingerprint for a in read.alerts] == [a["fingerprint"] for a in said["alerts"]]
    assert [a.labels for a in read.alerts] == [a["labels"] for a in said["alerts"]]
    for one in read.alerts:
        assert (one.ends_at is None) == (one.status is Status.FIRING)
        assert one.starts_at.tzinfo is UTC


def test_there_are_captured_webhooks_of_four_pairs_of_servers() -> None:
    assert len({path.parent for path in BODIES}) == 4
    assert len(BODIES) >= 23


def test_alertmanager_0_19_which_lacks_newer_keys_is_read() -> None:
    said = document()
    del said["truncatedAlerts"]
    read = parse(orjson.dumps(said))
    assert (read.truncated, read.reason) == (0, "")


def test_what_0_32_and_0_34_added_is_read_or_ignored() -> None:
    read = parse(body(notification_reason="repeat interval elapsed", routeLabels={"a": "b"}, new=1))
    assert read.reason == "repeat interval elapsed"


def test_grafana_s_webhook_is_read_like_alertmanager_s() -> None:
    said = [alert("aa"), alert("bb", "resolved")]
    same = parse(orjson.dumps(document(said)))
    assert parse(orjson.dumps(grafana(said))) == replace(same, external_url="")


def test_a_nul_which_a_database_may_refuse_is_replaced() -> None:
    read = parse(body([alert(job="a\0b")], groupKey="\0"))
    assert (read.group_key, read.alerts[0].labels["job"]) == ("\ufffd", "a\ufffdb")


def test_the_receiver_s_name_is_freed_of_its_quotes() -> None:
    assert parse(body(receiver=r"team\.a \(ops\) \\ 值班")).receiver == "team.a (ops) \\ 值班"


def test_nine_decimals_and_offsets_become_microseconds_in_utc() -> None:
    said = alert() | {"startsAt": "2026-11-21T23:38:43.447857999+08:00"}
    (read,) = parse(body([said])).alerts
    assert read.starts_at == datetime(2026, 11, 21, 15, 38, 43, 447857, tzinfo=UTC)


@pytest.mark.parametrize("empty", [None, {}])
def test_labels_that_go_writes_as_null_are_empty(empty: object) -> None:
    read = parse(body([alert() | {"annotations": empty}], commonAnnotations=empty))
    assert (read.alerts[0].annotations, read.common_annotations) == ({}, {})


REMEDY = "remove `payload` from this webhook_config"
MALFORMED: list[tuple[Any, str]] = [
    ([], "an object is expected, not a list"),
    ("text", "an object is expected, not a string"),
    ({}, f"not Alertmanager's webhook: it has no 'version' and no 'groupKey'; {REMEDY}"),
    (
        {"text": "down", "version": "4"},
        f"not Alertmanager's webhook: it has no 'groupKey'; {REMEDY}",
    ),
    (document(version="5"), "version: only '4' is understood, not '5'"),
    (grafana() | {"version": "4"}, "version: only '1' is understood, not '4'"),
    (
        document([alert() | {"labels": {str(n): "" for n in range(MAX_LABELS + 1)}}]),
        "alerts[0].labels: 501 of them; at most 500 are read",
    ),
    (document(version=4), "version: a string is expected, not an integer"),
    (document(status="burning"), "status: 'firing' or 'resolved' is expected, not 'burning'"),
    (document(receiver=None), "receiver: a string is expected, not null"),
    (document() | {"alerts": {}}, "alerts: a list is expected, not an object"),
    (document() | {"alerts": []}, "alerts: empty; a notification is about at least one alert"),
    (document() | {"alerts": [alert(), 7]}, "alerts[1]: an object is expected, not an integer"),
    (
        document([alert(), alert() | {"startsAt": "yesterday"}]),
        "alerts[1].startsAt: not an RFC 3339 time: 'yesterday'",
    ),
    (
        document([alert() | {"startsAt": "2026-02-30T00:00:00Z"}]),
        "alerts[0].startsAt: not an RFC 3339 time: '2026-02-30T00:00:00Z'",
    ),
    (
        document([alert() | {"startsAt": "20261123T120000Z"}]),
        "alerts[0].startsAt: not an RFC 3339 time: '20261123T120000Z'",
    ),
    (
        document([alert() | {"endsAt": "0001-01-01T00:00:00+08:00"}]),
        "alerts[0].endsAt: not an RFC 3339 time: '0001-01-01T00:00:00+08:00'",
    ),
    (
        document([alert() | {"status": ["firing"]}]),
        "alerts[0].status: a string is expected, not a list",
    ),
    (
        document([alert(team=True)]),  # type: ignore[arg-type]  # what is to be refused
        "alerts[0].labels.team: a string is expected, not a boolean",
    ),
    (
        document([{k: v for k, v in alert().items() if k != "fingerprint"}]),
        "alerts[0].fingerprint: missing",
    ),
    (document(truncatedAlerts=-1), "truncatedAlerts: a count is expected, not -1"),
    (document(truncatedAlerts=1.5), "truncatedAlerts: an integer is expected, not a number"),
    (document(commonLabels=[]), "commonLabels: an object is expected, not a list"),
]


@pytest.mark.parametrize(("said", "message"), MALFORMED, ids=[message for _, message in MALFORMED])
def test_a_malformed_webhook_is_refused_with_the_place_and_the_reason(
    said: Any, message: str
) -> None:
    with pytest.raises(ParseError) as caught:
        parse(orjson.dumps(said))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff\xfe", b'{"a": "\\ud800"}', b"[" * 100_000, b"NaN", b"null trailing"]
)
def test_what_is_not_json_is_refused(raw: bytes) -> None:
    with pytest.raises(ParseError, match=r"^not JSON: "):
        parse(raw)


def test_more_alerts_than_are_read_are_refused_with_the_remedy() -> None:
    with pytest.raises(ParseError) as caught:
        parse(body([alert()] * (MAX_ALERTS + 1)))
    assert str(caught.value) == (
        "alerts: 20001 alerts; at most 20000 are read, so set `max_alerts` in this webhook_config"
    )
    assert len(parse(body([alert()] * MAX_ALERTS)).alerts) == MAX_ALERTS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
PLACES = [
    (),
    *((key,) for key in document()),
    ("alerts", 0),
    *(("alerts", 0, key) for key in alert()),
    ("alerts", 0, "labels", "alertname"),
]


@given(st.binary())
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    _read_or_refuse(raw)


@given(st.sampled_from(PLACES), JSON)
def test_anything_at_any_place_is_read_or_refused(place: tuple[Any, ...], value: Any) -> None:
    said = {"webhook": document()}
    holder: Any = said
    for key in ("webhook", *place)[:-1]:
        holder = holder[key]
    holder[("webhook", *place)[-1]] = value
    try:
        raw = orjson.dumps(said["webhook"])
    except orjson.JSONEncodeError:  # a surrogate alone, which has no UTF-8
        return
    _read_or_refuse(raw)


def _read_or_refuse(raw: bytes) -> None:
    with contextlib.suppress(ParseError):
        read = parse(raw)
        assert read.delivery_key
        assert read.severity
