"""How long messages take, each number printed; tests/bench/delivery.py has the long runs."""

import asyncio
import statistics

import pytest
from aiohttp import ClientSession

from tests.bench.delivery import Stage, critical_in_a_storm, delays, drained, fill, stage, trickle
from tests.e2e.serving import receiver


async def p99_beside(http: ClientSession, made: Stage) -> float:
    """The p99 in seconds of a channel that works, over sixty critical alerts."""
    async with receiver(made.configure()) as running:
        accepted = await trickle(http, running.url, "beside", 60, 0.02)
        took = await delays(made.clocks["hook"], accepted, 30)
    return statistics.quantiles(took, n=100, method="inclusive")[98]


async def test_a_channel_that_hangs_leaves_the_times_of_the_others_as_they_are(
    http: ClientSession,
) -> None:
    times = []
    for trouble in (False, True):
        async with stage(["hook", "dead"]) as made:
            if trouble:
                made.fakes["dead"].broken["/dead"] = "hangs"
            times.append(await p99_beside(http, made))
    calm, beside = times
    print(f"p99 beside one that works {calm * 1000:.0f} ms, that hangs {beside * 1000:.0f} ms")
    assert beside < max(3 * calm, 0.25)  # the tests share their cores with others


async def test_a_backlog_is_told_after_a_restart_and_what_is_critical_at_once(
    http: ClientSession,
) -> None:
    async with stage(["slack"]) as made:
        config = made.configure()
        await fill(made.folder / "state" / "tocsin.db", 2_000)
        async with receiver(config) as running:
            accepted = await trickle(http, running.url, "late", 3, 0.5)
            took = await delays(made.clocks["slack"], accepted, 30)
            async with asyncio.timeout(60):
                await drained(http, running.url)
    sent = len(made.clocks["slack"].came)
    print(f"critical beside 2,000 owed: {took[-1]:.1f} s; {sent} messages")
    assert took[-1] < 5
    assert sent < 20


@pytest.mark.long
async def test_a_critical_alert_in_a_storm_reaches_every_channel_within_its_pace(
    http: ClientSession,
) -> None:
    names = ["hook", "slack", "dingtalk"]
    async with stage(names) as made, receiver(made.configure()) as running:
        accepted = await critical_in_a_storm(http, running.url, 60)
        for name in names:
            took = await delays(made.clocks[name], accepted, 120)
            p99 = statistics.quantiles(took, n=100, method="inclusive")[98]
            print(f"critical in a storm, {name}: p99 {p99:.2f} s")
            assert p99 < 5


@pytest.mark.long
async def test_a_hundred_thousand_owed_messages_delay_nothing_that_is_critical(
    http: ClientSession,
) -> None:
    async with stage(["slack"]) as made:
        config = made.configure()
        await fill(made.folder / "state" / "tocsin.db", 100_000)
        async with receiver(config) as running:
            accepted = await trickle(http, running.url, "late", 20, 0.5)
            took = await delays(made.clocks["slack"], accepted, 60)
            print(f"critical beside 100,000 owed: at most {took[-1]:.1f} s")
            assert took[-1] < 5
            async with asyncio.timeout(900):
                await drained(http, running.url)
