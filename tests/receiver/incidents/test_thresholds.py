"""Another limit spares noise, and never at the price of what somebody wanted."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import ClientSession
from hypothesis import given
from hypothesis import strategies as st

from receiver.incidents.probing import Probe
from receiver.incidents.quality import Quality, assess
from receiver.incidents.spells import Proposal, Spell, sorted_by_rule
from receiver.incidents.thresholds import Level, level_of, propose
from receiver.upstream.prometheus import Prometheus, Series
from tests.fakes.prometheus import FakePrometheus, Point

START = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def spell(at: int, verdict: str = "noise", rule: str = "Slow", host: str = "web1") -> Spell:
    """An incident that begins so many hours after START and lasts for ten minutes."""
    opened, labels = START + at * HOUR, {"instance": host}
    return Spell(rule, "g", opened, opened + HOUR / 6, verdict=verdict, labels=labels)


def series(values: Sequence[float], **labels: str) -> Series:
    """Values of each minute that end with START."""
    end = START.timestamp()
    times = tuple(end - 60.0 * (len(values) - 1 - n) for n in range(len(values)))
    return Series(labels, times, tuple(values))


def noise(*most: float) -> list[Level]:
    return [Level(spell(0), value, value) for value in most]


def test_the_limit_is_above_all_noise_and_below_what_was_wanted() -> None:
    wanted = Level(spell(0, "useful"), 97.0, 99.0)
    assert propose([*noise(91, 92, 93.27), wanted], 90, 1, 4) == Proposal(
        "threshold", 93.3, 3, 4, 90
    )
    close = Level(spell(0, "late"), 93.28, 99.0)
    found = propose([*noise(91, 92, 93.27), close], 90, 1, 4)
    assert found is not None
    assert found.value == 93.27
    below = [Level(spell(0), -each, -each) for each in (9.0, 8.0, 7.06)]
    assert propose([*below, Level(spell(0, "useful"), -5.0, -1.0)], 10, -1, 4) == Proposal(
        "threshold", 7.06, 3, 4, 10
    )


def test_noise_that_is_as_high_as_what_was_wanted_is_kept() -> None:
    wanted = Level(spell(0, "useful"), 92.5, 99.0)
    found = propose([*noise(91, 92, 92, 95), wanted], 90, 1, 5)
    assert found is not None
    assert (found.value, found.spared) == (92.0, 3)
    assert propose([*noise(91, 94, 95), wanted], 90, 1, 4) is None


def test_nothing_is_proposed_where_it_is_not_known_how_high_a_wanted_one_was() -> None:
    assert propose([*noise(91, 92, 93), Level(spell(0, "useful"), None, 99.0)], 90, 1, 4) is None
    assert propose(noise(91, 92), 90, 1, 2) is None
    unknown = Level(spell(0), None, None)
    assert propose([*noise(91, 92), unknown], 90, 1, 3) is None


def test_what_counts_is_how_high_it_was_for_long_enough_before_it_was_told() -> None:
    values = [10, 95, 96, 97, 98, 99, 91]
    held = level_of(spell(0), [series(values)], 90, 180, 1)
    assert (held.held, held.most) == (96, 99)  # of four minutes in a row, two of them before 96
    at_once = level_of(spell(0), [series(values)], 90, 0, 1)
    assert at_once.held == 99
    assert level_of(spell(0), [series(values)], 90, 600, 1).held is None
    negative = level_of(spell(0), [series([1, 2, 3])], 4, 60, -1)
    assert (negative.held, negative.most) == (-2, -1)


def test_series_of_others_do_not_count_and_of_several_the_lowest_that_fired_does() -> None:
    found = [
        series([99, 99], instance="web2"),
        series([95, 95], instance="web1", disk="a"),
        series([93, 93], instance="web1", disk="b"),
        series([10, 10], instance="web1", disk="c"),
    ]
    level = level_of(spell(0), found, 90, 60, 1)
    assert (level.held, level.most) == (93, 95)


@given(
    st.lists(
        st.tuples(
            st.floats(90.01, 1e6), st.floats(0, 1e3), st.sampled_from(["noise", "useful", ""])
        ),
        max_size=12,
    )
)
def test_no_limit_hides_what_somebody_wanted(found: list[tuple[float, float, str]]) -> None:
    levels = [Level(spell(0, verdict), held, held + more) for held, more, verdict in found]
    proposal = propose(levels, 90, 1, len(levels))
    if proposal is not None:
        assert isinstance(proposal.value, float)
        assert proposal.value > 90
        assert all(
            level.held is not None and level.held > proposal.value
            for level in levels
            if level.spell.wanted
        )
        assert 3 <= proposal.spared <= len(levels)


@pytest.fixture
async def prometheus() -> AsyncIterator[FakePrometheus]:
    async with FakePrometheus() as fake:
        fake.series["load"] = load
        yield fake


@pytest.fixture
async def probe(prometheus: FakePrometheus) -> AsyncIterator[Probe]:
    async with ClientSession() as http:
        yield Probe(http, Prometheus(url=prometheus.base))


async def advised(probe: Probe, spells: list[Spell]) -> Quality:
    (rule,) = await probe.add(assess(spells, []), sorted_by_rule(spells), START)
    return rule


def load(at: float) -> list[Point]:
    """A host whose load is 91 in each hour but the fifth, when it is 99."""
    hours = round((at - START.timestamp()) / 3600)
    return [({"instance": "web1"}, 99.0 if hours == 5 else 91.0)]


async def test_values_are_asked_of_prometheus_and_remembered(
    prometheus: FakePrometheus, probe: Probe
) -> None:
    spells = [spell(n) for n in range(4)] + [spell(5, "useful")]
    prometheus.alerts("Slow", "load > 90")
    rule = await advised(probe, spells)
    assert Proposal("threshold", 91.0, 4, 5, 90.0) in rule.proposals
    assert len(prometheus.asked) == 6
    assert await advised(probe, spells) == rule
    assert len(prometheus.asked) == 6
    more = await advised(probe, [*spells, spell(6)])
    assert Proposal("threshold", 91.0, 5, 6, 90.0) in more.proposals


@pytest.mark.parametrize("query", ["load", "load > 90 or load < 5", "load > max", "load == 90"])
async def test_a_rule_without_one_limit_has_no_other(
    prometheus: FakePrometheus, probe: Probe, query: str
) -> None:
    prometheus.alerts("Slow", query)
    rule = await advised(probe, [spell(n) for n in range(4)])
    assert {each.setting for each in rule.proposals} <= {"for", "keep_firing_for"}


async def test_a_prometheus_that_is_away_changes_nothing(
    prometheus: FakePrometheus, probe: Probe
) -> None:
    spells = [spell(n) for n in range(4)]
    prometheus.error = (500, "internal", "broken")
    assert [await advised(probe, spells)] == assess(spells, [])
