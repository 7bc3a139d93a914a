import asyncio
import gzip
import math
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from exporter.exposition import Page, number, unpack
from exporter.exposition import render as parts_of
from exporter.model import Column, Metric, Sample, label_text

LOAD = Metric("node_load1", "Load.")
DEPTH = Metric("app_depth", "Depth.", labels=("queue",))
JOBS = Metric("app_jobs_total", "Jobs.", "counter", ("queue",))


def render(*samples: Sample, columns: tuple[Column, ...] = ()) -> str:
    return b"".join(parts_of(samples, columns)).decode()


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


def test_scores_have_as_many_digits_as_they_are_good_for() -> None:
    values = np.array([0.123456789, 1234567890.0, np.inf, 1.0])
    labels = tuple(f'queue="{n}"' for n in range(4))
    rounded = render(columns=(Column(DEPTH, labels, values, digits=6),)).splitlines()[2:]
    assert [line.split()[1] for line in rounded] == ["0.123457", "1.23457e+09", "+Inf", "1"]
    exact = render(columns=(Column(DEPTH, labels, values),)).splitlines()[2:]
    assert [line.split()[1] for line in exact] == ["0.123456789", "1234567890", "+Inf", "1"]


def test_a_family_is_there_once_and_its_column_stands_before_its_samples() -> None:
    column = Column(DEPTH, ('queue="a"',), np.array([5.0]))
    page = render(DEPTH.sample(2, "a"), LOAD.sample(1), columns=(column,))
    assert page == (
        "# HELP app_depth Depth.\n"
        "# TYPE app_depth gauge\n"
        'app_depth{queue="a"} 5\n'
        "# HELP node_load1 Load.\n"
        "# TYPE node_load1 gauge\n"
        "node_load1 1\n"
    )


def test_a_long_column_has_one_head_and_all_its_lines() -> None:
    count = 10_001
    labels = tuple(f'queue="{n}"' for n in range(count))
    page = render(columns=(Column(DEPTH, labels, np.arange(count, dtype=float)),))
    assert page.count("# HELP") == 1
    assert page.splitlines()[2:] == [f'app_depth{{queue="{n}"}} {n}' for n in range(count)]


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


def columns_of(count: int, seed: int) -> tuple[Column, ...]:
    values = np.random.default_rng(seed).normal(size=count)
    labels = tuple(f'queue="{n}"' for n in range(count))
    return (Column(DEPTH, labels, values), Column(JOBS, labels, np.round(values)))


async def test_a_packed_page_is_one_gzip_stream_of_the_page_at_each_scrape() -> None:
    page = Page()
    for seed in (1, 2):  # the next tick
        columns = columns_of(20_000, seed)
        for load in (1, 2):  # its scrapes
            parts = await page.render([LOAD.sample(load)], columns)
            text = b"".join(parts_of([LOAD.sample(load)], columns))
            unpacking = zlib.decompressobj(31)
            assert unpacking.decompress(b"".join(parts)) == text
            assert unpacking.eof
            assert not unpacking.unused_data
            assert b"".join(unpack(parts)) == text


async def test_scrapers_at_once_share_what_is_packed_and_get_their_own_samples() -> None:
    page, columns = Page(), columns_of(20_000, 1)
    scrapes = (page.render([LOAD.sample(load)], columns) for load in (1, 2))
    one, other = await asyncio.gather(*scrapes)
    assert len(one) > 2
    assert all(mine is theirs for mine, theirs in zip(one[:-1], other[:-1], strict=True))
    assert gzip.decompress(b"".join(one)).endswith(b"node_load1 1\n")
    assert gzip.decompress(b"".join(other)).endswith(b"node_load1 2\n")


async def test_a_scraper_that_leaves_while_its_page_is_packed_spoils_no_other() -> None:
    page, columns = Page(), columns_of(20_000, 1)
    leaving = asyncio.create_task(page.render([], columns))
    await asyncio.sleep(0)
    leaving.cancel()
    staying = await page.render([], columns)
    assert leaving.cancelled()
    assert gzip.decompress(b"".join(staying)) == b"".join(parts_of([], columns))
