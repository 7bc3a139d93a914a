import json

import pytest

from exporter.model import SeriesKey
from exporter.prometheus.client import QueryError
from exporter.signals.layout import Layout, arrange


def spelled(*labels: dict[str, str]) -> list[bytes]:
    return [json.dumps(one).encode() for one in labels]


A, B, C = {"host": "a"}, {"host": "b"}, {"host": "c"}


def key(**labels: str) -> SeriesKey:
    return SeriesKey("s", tuple(labels.items()))


def test_the_name_of_the_metric_and_empty_labels_are_no_labels() -> None:
    layout = arrange("s", spelled({"__name__": "up", "host": "a", "zone": ""}), 9, Layout())
    assert layout.keys == (key(host="a"),)


def test_an_unchanged_answer_keeps_the_very_same_layout() -> None:
    first = arrange("s", spelled(A, B), 9, Layout())
    assert arrange("s", spelled(A, B), 9, first) is first


def test_another_order_of_the_same_series_keeps_the_very_same_keys() -> None:
    first = arrange("s", spelled(A, B, C), 9, Layout())
    turned = arrange("s", spelled(C, A, B), 9, first)
    assert turned.keys is first.keys
    assert turned.places.tolist() == [1, 2, 0]


def test_a_series_that_comes_or_goes_makes_new_keys() -> None:
    first = arrange("s", spelled(A, B), 9, Layout())
    second = arrange("s", spelled(B, C), 9, first)
    assert second.keys == (key(host="b"), key(host="c"))
    assert second.places.tolist() == [0, 1]


def test_series_that_differ_in_the_metrics_name_alone_are_one_and_counted() -> None:
    layout = arrange("s", spelled({"__name__": "x"} | A, {"__name__": "y"} | A, B), 9, Layout())
    assert layout.keys == (key(host="a"), key(host="b"))
    assert layout.places.tolist() == [0, 2]
    assert layout.duplicates == 1


@pytest.mark.parametrize("text", [b"{", b"5", b'{"a":5}', b'{"a":"b"},{}', b"\xff"])
def test_what_is_no_label_set_is_an_answer_that_cannot_be_used(text: bytes) -> None:
    with pytest.raises(QueryError, match="labels that are none"):
        arrange("s", [text], 9, Layout())


def test_beyond_the_limit_the_same_series_stay_whatever_the_order() -> None:
    first = arrange("s", spelled(C, B, A), 2, Layout())
    second = arrange("s", spelled(B, A, C), 2, first)
    assert first.keys == (key(host="a"), key(host="b"))
    assert second.keys is first.keys
    assert second.places.tolist() == [1, 0]
    assert first.beyond == second.beyond == 1
