import gzip
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from exporter.exposition import Page, compress, number
from exporter.model import Column, Metric, Sample, label_text

LOAD = Metric("node_load1", "Load.")
DEPTH = Metric("app_depth", "Depth.", labels=("queue",))
JOBS = Metric("app_jobs_total", "Jobs.", "counter", ("queue",))


def render(*samples: Sample, columns: tuple[Column, ...] = ()) -> str:
    return Page().render(samples, columns).decode()


def test_families_are_grouped_and_sorted_each_with_one_head() -> None:
    page = render(LOAD.sample(1), DEPTH.sample(2, "a"), LOAD.sample(1), DEPTH.sample(3, "b"))
    assert page == (
        "# HELP app_depth Depth.\n"
        "# TYPE app_depth gauge\n"
        'app_depth{queue="a"} 2\n'
        'app_depth{queue="b"} 3\n'
        "# HELP node_load1 Load.\n"
        "# TYPE node_load1 gauge\n"
        "node_load1 1\n"
    )


def test_a_series_that_two_collectors_give_is_there_once() -> None:
    other = Metric("app_depth", "Other help.", "counter", ("queue",))
    page = render(DEPTH.sample(2, "a"), other.sample(5, "a"), other.sample(6, "b"))
    assert page.count("# HELP") == page.count("# TYPE") == 1
    assert [line for line in page.splitlines() if not line.startswith("#")] == [
        'app_depth{queue="a"} 2',
        'app_depth{queue="b"} 6',
    ]


def test_a_column_shows_what_is_not_nan() -> None:
    column = Column(DEPTH, ('queue="a"', 'queue="b"'), np.array([np.nan, 0.5]))
    assert render(columns=(column,)).splitlines()[2:] == ['app_depth{queue="b"} 0.5']


def test_a_column_of_nothing_has_no_head() -> None:
    column = Column(DEPTH, ('queue="a"',), np.array([np.nan]))
    assert not render(columns=(column,))


def test_new_columns_replace_the_text_of_the_old() -> None:
    page = Page()
    old, new = (Column(DEPTH, ('queue="a"',), np.array([value])) for value in (1.0, 2.0))
    page.render([], (old,))
    assert page.render([], (new,)).endswith(b'app_depth{queue="a"} 2\n')


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (math.nan, "NaN"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (3.0, "3"),
        (0.1, "0.1"),
        (1e300, "1e+300"),
        (1234567890123.0, "1234567890123"),
        (7, "7"),
        (np.float64(2.5), "2.5"),
    ],
)
def test_a_number_is_spelled_as_go_reads_it(value: float, text: str) -> None:
    assert number(value) == text


def test_labels_and_help_are_escaped() -> None:
    metric = Metric("app_depth", 'A \\ and a "quote"\nline.', labels=("queue",))
    page = render(metric.sample(1, 'a\\b"c\nd'))
    assert '# HELP app_depth A \\\\ and a "quote"\\nline.\n' in page
    assert 'app_depth{queue="a\\\\b\\"c\\nd"} 1\n' in page


def test_a_label_that_is_no_utf8_does_not_cost_the_page() -> None:
    assert render(DEPTH.sample(1, "a\udcff")).splitlines()[-1] == 'app_depth{queue="a?"} 1'


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SERIES = st.dictionaries(st.tuples(TEXTS, TEXTS), st.floats(), max_size=8)


@given(SERIES)
def test_prometheus_own_parser_reads_back_what_was_rendered(
    series: dict[tuple[str, str], float],
) -> None:
    metric = Metric("app_value", "A\nvalue \\.", labels=("one", "two"))
    page = render(*(metric.sample(value, *labels) for labels, value in series.items()))
    families = list(text_string_to_metric_families(page))
    assert [(one.name, one.documentation) for one in families] == (
        [("app_value", "A\nvalue \\.")] if series else []
    )
    found = {
        (sample.labels["one"], sample.labels["two"]): sample.value
        for family in families
        for sample in family.samples
    }
    assert found.keys() == series.keys()
    np.testing.assert_array_equal(list(found.values()), [series[labels] for labels in found])


def test_labels_and_their_values_must_be_equally_many() -> None:
    with pytest.raises(ValueError, match="longer"):
        label_text(("a",), ("1", "2"))


def test_a_compressed_page_is_the_page() -> None:
    page = render(LOAD.sample(1)).encode()
    assert gzip.decompress(compress(page)) == page
