import asyncio
from collections.abc import Iterable, Mapping
from typing import ClassVar

import numpy as np
import pytest

from exporter.collectors.contract import Paths
from exporter.detectors.scoring import Rule, Scorer
from exporter.exposition import render
from exporter.fence import Fence
from exporter.groups.groups import Groups
from exporter.groups.roster import GroupRule
from exporter.model import Block, Metric, Sample, SeriesKey, Snapshot, series_text
from exporter.signals.derive import Feed, Signals
from exporter.signals.exposed import Exposed
from exporter.tick import Ticker, next_tick

DEPTH = Metric("app_depth", "Depth.", labels=("queue",))


class Queues:
    """Gives what the test put into it."""

    blocking: ClassVar[bool] = False

    def __init__(self) -> None:
        self.depths: dict[str, float] = {}

    def collect(self, paths: Paths) -> Iterable[Sample]:
        del paths
        return [DEPTH.sample(value, name) for name, value in self.depths.items()]


def ticker(queues: Queues, grace: float = 300.0, interval: float = 15.0) -> Ticker:
    return Ticker(
        Fence({"queues": queues}, {"queues": 5.0}, Paths()),
        Signals({"depth": Feed(Exposed("app_depth"))}, max_gap=75, capacity=8),
        Scorer(8),
        Rule(interval, grace),
    )


def lines(snapshot: Snapshot) -> dict[str, float]:
    page = b"".join(render(snapshot.samples, snapshot.columns)).decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in page if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


async def run(one: Ticker, queues: Queues, *depths: Mapping[str, float]) -> list[dict[str, float]]:
    pages = []
    for depth in depths:
        queues.depths = dict(depth)
        pages.append(lines(await one.tick()))
    return pages


MAIL = '{signal="depth",queue="mail"}'


async def test_scores_appear_after_the_grace_period_with_the_count_of_alarms_at_0() -> None:
    queues = Queues()
    pages = await run(ticker(queues), queues, *({"mail": i % 3} for i in range(25)))
    assert [f"tocsin_anomaly_score{MAIL}" in page for page in pages] == [False] * 20 + [True] * 5
    assert [page[f"tocsin_signal_value{MAIL}"] for page in pages[:4]] == [0, 1, 2, 0]
    first = pages[20]
    assert first[f"tocsin_anomalies_total{MAIL}"] == 0
    assert first[f"tocsin_anomaly_active{MAIL}"] == 0
    assert first[f"tocsin_anomaly_deviation{MAIL}"] < 1
    lower, upper = (first[f"tocsin_expected_{bound}{MAIL}"] for bound in ("lower", "upper"))
    assert lower <= first[f"tocsin_expected_value{MAIL}"] <= upper
    assert lower < upper


async def test_a_jump_raises_one_alarm_that_is_active() -> None:
    queues = Queues()
    ordinary = [{"mail": i % 3} for i in range(40)]
    pages = await run(ticker(queues), queues, *ordinary, {"mail": 500.0}, {"mail": 500.0})
    for page in pages[-2:]:
        assert page[f"tocsin_anomalies_total{MAIL}"] == 1
        assert page[f"tocsin_anomaly_active{MAIL}"] == 1
    assert pages[-2][f"tocsin_anomaly_score{MAIL}"] >= 1


async def test_the_states_of_all_signals_are_counted() -> None:
    queues = Queues()
    pages = await run(
        ticker(queues),
        queues,
        *({"mail": i % 3} for i in range(25)),
        {"mail": 1, "new": 1, "lost": float("nan")},
    )
    states = [pages[-1][f'tocsin_signals{{state="{s}"}}'] for s in ("scored", "warming", "missing")]
    assert states == [1, 1, 1]


async def test_a_series_that_vanishes_takes_its_scores_with_it_and_finds_them_again() -> None:
    queues = Queues()
    ordinary = [{"mail": i % 3} for i in range(30)]
    pages = await run(ticker(queues), queues, *ordinary, {}, {"mail": 1})
    assert not any("mail" in name for name in pages[-2])
    assert f"tocsin_anomaly_score{MAIL}" in pages[-1]


async def test_series_that_are_left_out_are_counted_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    queues = Queues()
    many = {f"q{i}": float(i) for i in range(10)}
    pages = await run(ticker(queues), queues, many, many)
    skipped = [page['tocsin_series_skipped_total{reason="total_limit"}'] for page in pages]
    assert skipped == [2, 4]
    assert [record.getMessage() for record in caplog.records] == [
        "series left out (total_limit): 2 of depth; raise `scoring.limit`"
    ]


async def test_the_rendered_labels_are_kept_while_the_layout_is() -> None:
    queues = Queues()
    one = ticker(queues)
    queues.depths = {"mail": 1}
    first, second = await one.tick(), await one.tick()
    assert first.columns[0].labels is second.columns[0].labels


class Elsewhere:
    """A remote that has what the test put into it."""

    trouble = ""
    lasting = False

    def __init__(self, *values: float) -> None:
        self.keys = tuple(SeriesKey("far", (("n", str(i)),)) for i in range(len(values)))
        self.values = np.array(values)
        self.skipped = {"prometheus_late": 7}
        self.left_out: dict[str, dict[str, int]] = {"far": {"prometheus_late": 7}}
        self.begun = 0

    names = ("far",)

    def samples(self) -> list[Sample]:
        return []

    def begin(self) -> None:
        self.begun += 1

    def cancel(self) -> None:
        pass

    async def take(self, due: float) -> list[Block]:
        del due
        return [Block(self.keys, self.values, np.full(len(self.values), 1e9))]


async def test_queues_of_a_group_that_no_longer_go_together_are_told() -> None:
    queues = Queues()
    one = ticker(queues)
    one.groups = Groups((GroupRule(name="queues"),))
    rng = np.random.default_rng(1)
    for _ in range(700):
        load = 50 + 5 * rng.standard_normal()
        queues.depths = {name: load + rng.standard_normal() for name in "abcd"}
        await one.tick()
    queues.depths = {"a": 62.0, "b": 38.0, "c": 50.0, "d": 50.0}
    page = lines(await one.tick())
    assert page['tocsin_multivariate_anomaly_active{group="queues"}'] == 1
    contributions = [name for name in page if name.startswith("tocsin_anomaly_contribution")]
    assert len(contributions) == 4


async def test_values_from_elsewhere_are_scored_beside_the_own_ones() -> None:
    queues, far = Queues(), Elsewhere(1, 2)
    one = ticker(queues)
    one.exchange({"far": far})
    pages = await run(one, queues, {"mail": 5}, {"mail": 5})
    assert far.begun == 2
    assert pages[-1][f"tocsin_signal_value{MAIL}"] == 5
    assert pages[-1]['tocsin_signal_value{signal="far",n="1"}'] == 2
    assert pages[-1]['tocsin_series_skipped_total{reason="prometheus_late"}'] == 7


async def test_what_is_beyond_the_total_limit_with_others_is_left_out_and_counted() -> None:
    queues = Queues()
    one = ticker(queues)
    one.exchange({"far": Elsewhere(*range(10))})
    page = (await run(one, queues, {"mail": 5}))[0]
    assert page['tocsin_series_skipped_total{reason="total_limit"}'] == 3
    assert sum(name.startswith("tocsin_signal_value") for name in page) == 8


async def test_a_tick_that_fails_ends_the_loop() -> None:
    def broken(_: object) -> list[object]:
        raise ZeroDivisionError

    one = ticker(Queues())
    one.signals.feeds = {"broken": Feed(broken)}  # type: ignore[arg-type] # broken on purpose
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(one.run(), 30)


async def test_the_loop_ticks_until_it_is_cancelled() -> None:
    one = ticker(Queues(), interval=0.01)
    seen: set[float] = set()
    running = asyncio.create_task(one.run())
    async with asyncio.timeout(30):
        while len(seen) < 3:
            await asyncio.sleep(0)
            if one.snapshot:
                seen.add(one.snapshot.timestamp)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.mark.parametrize(
    ("now", "due"),
    [(100.0, 115.0), (100.2, 115.0), (115.0, 130.0), (129.9, 130.0), (161.0, 175.0)],
)
def test_ticks_keep_their_beat_and_those_that_were_missed_are_left_out(
    now: float, due: float
) -> None:
    assert next_tick(100.0, 15.0, now) == pytest.approx(due)


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ((), 'signal="s"'),
        ((("a", "1"),), 'signal="s",a="1"'),
        ((("signal", "x"),), 'signal="s",exported_signal="x"'),
        (
            (("exported_signal", "y"), ("signal", "x")),
            'signal="s",exported_signal="y",exported_exported_signal="x"',
        ),
    ],
)
def test_an_own_label_called_signal_makes_room(
    labels: tuple[tuple[str, str], ...], text: str
) -> None:
    assert series_text(SeriesKey("s", labels)) == text


async def test_a_block_without_any_series_is_no_trouble() -> None:
    snapshot = await ticker(Queues()).tick()
    assert all(not np.size(column.values) for column in snapshot.columns)
