import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.prometheus.answers import parse
from exporter.prometheus.client import QueryError

Series = list[tuple[dict[str, str], list[float]]]
# Texts that look like what the body is cut at, and that hold whatever JSON must escape.
TRICKY = st.sampled_from(
    ['"value":[', '{"metric":{', '},"value":[1,"2"]},{"metric":{', "]}]", ",", '"', "\\", "\n", "é"]
)
LABELS = st.dictionaries(st.sampled_from(["__name__", "metric", "value", "a"]), TRICKY)


def vector(series: Series, **spelling: Any) -> bytes:
    result = [
        {"metric": labels, "value": [1.5, repr(values[0])]} for labels, values in series if values
    ]
    return body("vector", result, **spelling)


def matrix(series: Series, **spelling: Any) -> bytes:
    result = [
        {"metric": labels, "values": [[60.0 * i, repr(v)] for i, v in enumerate(values)]}
        for labels, values in series
        if values
    ]
    return body("matrix", result, **spelling)


def body(kind: str, result: Any, separators: tuple[str, str] = (",", ":"), **extra: Any) -> bytes:
    document = {"status": "success", "data": {"resultType": kind, "result": result}, **extra}
    return json.dumps(document, separators=separators).encode()


@given(st.lists(st.tuples(LABELS, st.lists(st.floats(), max_size=3)), max_size=4))
def test_labels_and_values_come_back_whatever_the_labels_look_like(series: Series) -> None:
    there = [(labels, values) for labels, values in series if values]
    for answer, counts in (
        (parse(vector(series)), [1 for _ in there]),
        (parse(matrix(series)), [len(values) for _, values in there]),
    ):
        assert [json.loads(text) for text in answer.labels] == [labels for labels, _ in there]
        assert answer.counts.tolist() == counts
        told = [v for (_, values), n in zip(there, counts, strict=True) for v in values[:n]]
        np.testing.assert_array_equal(answer.values, np.array(told, float))


@pytest.mark.parametrize("write", [vector, matrix])
def test_other_spacing_means_the_same(write: Any) -> None:
    series: Series = [({"a": "1"}, [1.0, 2.0]), ({"a": "2"}, [3.0])]
    tight, loose = parse(write(series)), parse(write(series, separators=(", ", ": ")))
    assert list(tight.labels) == list(loose.labels)
    assert tight.counts.tolist() == loose.counts.tolist()
    assert tight.times.tolist() == loose.times.tolist()
    assert tight.values.tolist() == loose.values.tolist()


def test_each_point_has_its_own_time() -> None:
    answer = parse(matrix([({"a": "1"}, [7.0, 8.0]), ({"a": "2"}, [9.0])]))
    assert answer.times.tolist() == [0, 60, 0]
    assert answer.values.tolist() == [7, 8, 9]


def test_values_that_are_no_ordinary_numbers_are_read() -> None:
    result = [{"metric": {"a": v}, "value": [1, v]} for v in ("NaN", "+Inf", "-Inf", "1e-7")]
    values = parse(body("vector", result)).values
    np.testing.assert_array_equal(values, [np.nan, np.inf, -np.inf, 1e-7])


def test_a_scalar_is_one_series_without_labels() -> None:
    answer = parse(body("scalar", [1.5, "4"]))
    assert (list(answer.labels), answer.values.tolist(), answer.times.tolist()) == (
        [b"{}"],
        [4],
        [1.5],
    )


def test_native_histograms_are_left_out_and_counted() -> None:
    histogram = {"metric": {"a": "1"}, "histogram": [1, {"count": "5", "buckets": [[0, "1"]]}]}
    plain = {"metric": {"a": "2"}, "value": [1, "3"]}
    for result in ([histogram, plain], [plain, histogram], [histogram, plain, histogram, plain]):
        answer = parse(body("vector", result))
        assert answer.histograms == result.count(histogram)
        assert answer.values.tolist() == [3] * result.count(plain)


@pytest.mark.parametrize("series", [[], [({"a": "1"}, [1.0])]], ids=["empty", "one"])
def test_warnings_are_told_wherever_they_stand(series: Series) -> None:
    assert parse(vector(series, warnings=["a store is down"])).warnings == ("a store is down",)
    assert parse(vector(series, isPartial=True)).warnings == ("an answer in part",)
    assert parse(vector(series, isPartial=False)).warnings == ()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"status":"success"}',
        b'{"status":"error","error":"no"}',
        b'{"status":"success","data":{"resultType":"string","result":[1,"a"]}}',
        b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"a"]}]}}',
        b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1]}]}}',
        b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a',
    ],
)
def test_what_is_no_answer_is_refused(text: bytes) -> None:
    with pytest.raises(QueryError, match="not an answer of Prometheus") as caught:
        parse(text)
    assert caught.value.reason == "prometheus_error"


def test_label_sets_of_the_answer_before_are_taken_so_that_none_is_there_twice() -> None:
    series = [f'{{"metric":{{"number":"{n}"}},"value":[1700000000,"{n}"]}}' for n in range(50_000)]
    head = '{"status":"success","data":{"resultType":"vector","result":['
    body = (head + ",".join(series) + "]}}").encode()
    one = parse(body)
    other = parse(bytearray(body), one.labels)
    assert [float(text.split(b'"')[3]) for text in one.labels] == one.values.tolist()
    assert other.labels == one.labels
    assert all(a is b for a, b in zip(other.labels, one.labels, strict=True))
    assert other.values.tolist() == one.values.tolist()
    fewer = (head + ",".join(series[1:]) + "]}}").encode()
    assert parse(fewer, one.labels).labels == one.labels[1:]
