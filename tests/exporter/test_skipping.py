import pytest

from exporter.skipping import REMEDIES, Skipping
from exporter.tick import Ticker
from tests.exporter.test_tick import Elsewhere, Queues, ticker


def test_what_is_left_out_is_said_once_of_each_signal_with_what_to_do(
    caplog: pytest.LogCaptureFixture,
) -> None:
    one = Skipping()
    lost = {"a": {"signal_limit": 3, "total_limit": 1}, "b": {"signal_limit": 2}}
    for second in range(3):
        one.meet([{"a": {"signal_limit": 3}}, {"a": {"total_limit": 1}}], second)
    one.meet([lost], 4)
    first, other, third = caplog.messages
    assert first.startswith("series left out (signal_limit): 3 of a; raise the signal's `limit`")
    assert other == "series left out (total_limit): 1 of a; raise `scoring.limit`"
    assert third.startswith("series left out (signal_limit): 2 of b; ")
    assert one.now == lost


def test_what_comes_and_goes_is_said_again_after_an_hour_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    one = Skipping()
    for second in (0.0, 15.0, 30.0, 3615.0, 7300.0):
        one.meet([{"a": {"duplicate": 1}}], second)
        one.meet([{}], second + 1)
        assert one.now == {}
    assert len(caplog.messages) == 2


def test_of_very_many_signals_some_are_named(caplog: pytest.LogCaptureFixture) -> None:
    Skipping().meet([{f"s{i}": {"total_limit": 1} for i in range(5000)}], 0)
    (said,) = caplog.messages
    assert " 1 of s9 and of 4990 more signals; " in said
    assert len(said) < 200


def test_what_its_signal_tells_by_itself_is_not_told_twice(
    caplog: pytest.LogCaptureFixture,
) -> None:
    Skipping().meet([{"a": {"prometheus_late": 1, "backfill": 4}}], 0)
    assert caplog.messages == []


async def test_every_reason_of_a_limit_has_a_remedy() -> None:
    queues = Queues()
    one: Ticker = ticker(queues)
    one.exchange({"far": Elsewhere(1)})
    await one.tick()
    assert {"prometheus_late"} == one._skipped().keys() - REMEDIES.keys()
    assert one.skipping.now == {"far": {"prometheus_late": 7}}
