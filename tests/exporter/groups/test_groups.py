import math
from copy import deepcopy
from functools import cache

import numpy as np
import pytest

from exporter.groups.groups import Groups, State, Terms
from exporter.groups.roster import GroupRule
from exporter.model import FloatArray, SeriesKey

STEP = 15.0
MEMBERS = 8
KEYS = tuple(SeriesKey(f"s{i}", (("n", "1"),)) for i in range(MEMBERS))
RULE = GroupRule(name="host")


class World:
    """Series that follow one common cause, each with some noise of its own."""

    def __init__(self, *rules: GroupRule, keys: tuple[SeriesKey, ...] = KEYS) -> None:
        self.groups = Groups(rules or (RULE,))
        self.keys = keys
        self.rng = np.random.default_rng(7)
        self.ticks = 0

    def draw(self) -> FloatArray:
        own = self.rng.standard_normal(len(self.keys))
        return 2 * self.rng.standard_normal() + own

    def tick(self, values: FloatArray | None = None, keys: tuple[SeriesKey, ...] = ()) -> State:
        self.ticks += 1
        values = self.draw() if values is None else values
        self.groups.update(keys or self.keys, values, self.ticks * STEP, Terms())
        return next(self.groups.states())

    def run(self, ticks: int) -> State:
        return [self.tick() for _ in range(ticks)][-1]


@cache
def _warmed(ticks: int) -> World:
    world = World()
    world.run(ticks)
    return world


def warmed(ticks: int) -> World:
    """Return a world that has gone on for so many ticks already."""
    return deepcopy(_warmed(ticks))


def test_nothing_is_said_of_a_group_before_enough_is_known() -> None:
    world = World()
    states = [world.tick() for _ in range(302)]
    assert math.isnan(states[299].score)
    assert math.isnan(states[299].alarms)
    assert states[301].score < 1
    assert (states[301].alarms, states[301].active) == (0, False)


def test_a_value_ordinary_for_each_alone_and_impossible_for_them_together_is_an_alarm() -> None:
    world = warmed(1000)
    odd = np.zeros(MEMBERS)
    odd[2], odd[3] = 6.0, -6.0  # each is within three scatters of its own
    state = world.tick(odd)
    assert state.score >= 1
    assert (state.alarms, state.active) == (1, True)
    loudest = {member.signal for member, _ in state.contributions[:2]}
    assert loudest == {"s2", "s3"}
    shares = [share for _, share in state.contributions]
    assert sum(shares) == pytest.approx(1, abs=1e-3)
    assert min(shares) > 0
    assert shares == sorted(shares, reverse=True)


def test_what_all_do_together_as_ever_is_ordinary() -> None:
    world = warmed(1000)
    assert world.tick(np.full(MEMBERS, 4.0)).score < 1


def test_a_small_shift_of_all_members_that_no_single_value_shows_adds_up() -> None:
    world = warmed(1000)
    shape = np.tile([1.0, -1.0], MEMBERS // 2)  # not along the common cause
    scores = [world.tick(world.draw() + 1.5 * shape).score for _ in range(20)]
    assert max(scores) >= 1


def test_an_alarm_is_active_until_its_cause_is_gone_for_the_hold_and_keeps_its_reason() -> None:
    world = warmed(1000)
    odd = np.zeros(MEMBERS)
    odd[2], odd[3] = 6.0, -6.0
    told = world.tick(odd).contributions
    after = [world.tick() for _ in range(120)]
    assert after[15].active
    assert after[15].contributions[0][0] in dict(told[:2])
    assert not after[-1].active
    assert after[-1].alarms == 1
    assert after[-1].contributions == ()


def test_an_alarm_of_a_group_that_falls_silent_ends_after_the_hold() -> None:
    world = warmed(1000)
    odd, nothing = np.zeros(MEMBERS), np.full(MEMBERS, np.nan)
    odd[2], odd[3] = 6.0, -6.0
    world.tick(odd)
    silent = [world.tick(nothing).active for _ in range(25)]
    assert silent == [True] * 19 + [False] * 6, "300 s are 20 ticks"
    assert world.tick(odd).alarms == 2


def test_a_tick_without_values_does_not_make_two_alarms_of_one() -> None:
    world = warmed(1000)
    odd = np.zeros(MEMBERS)
    odd[2], odd[3] = 6.0, -6.0
    for i in range(40):
        state = world.tick(np.full(MEMBERS, np.nan) if i == 20 else odd)
    assert (state.alarms, state.active) == (1, True)


def test_a_pair_that_no_longer_moves_together_is_named() -> None:
    world = warmed(2500)
    for _ in range(60):
        values = world.draw()
        values[5] = 2 * world.rng.standard_normal()
        state = world.tick(values)
    assert state.change is not None
    assert state.change.score == state.change_score >= 1
    assert SeriesKey("s5", (("n", "1"),)) in (state.change.first, state.change.second)
    assert state.active


def test_a_fault_that_lasts_is_one_alarm_however_long_the_step() -> None:
    world = World()
    rare = Terms(hold=STEP / 2)
    odd = np.zeros(MEMBERS)
    odd[2], odd[3] = 6.0, -6.0
    for i in range(1020):
        values = world.draw() if i < 1000 else odd
        world.groups.update(world.keys, values, i * STEP, rare)
    assert next(world.groups.states()).alarms == 1


def test_series_that_never_moved_together_have_no_correlation_to_lose() -> None:
    world = World()
    for _ in range(700):
        state = world.tick(world.rng.standard_normal(MEMBERS))
    assert state.change is None
    assert math.isnan(state.change_score)


def test_missing_members_are_left_out_and_one_alone_is_no_group() -> None:
    world = warmed(1000)
    some = world.draw()
    some[3:6] = np.nan
    assert world.tick(some).score < 1
    alone = np.full(MEMBERS, np.nan)
    alone[0] = 1.0
    state = world.tick(alone)
    assert math.isnan(state.score)
    assert state.alarms == 0, "the count of alarms does not go away"


def test_a_member_that_comes_and_goes_does_not_look_like_one_that_ceased_to_follow() -> None:
    world = warmed(2500)
    scores = []
    for i in range(300):
        values = world.draw()
        values[5] = values[5] if i % 2 else np.nan
        scores.append(world.tick(values).change_score)
    assert max(scores) < 1


def test_members_that_stay_keep_what_was_learned_of_them() -> None:
    world = warmed(1000)
    more = (SeriesKey("new"), *KEYS[1:])
    state = world.tick(np.append(0.0, world.draw()[1:]), more)
    assert len(state.group.members) == MEMBERS + 1
    assert state.present == MEMBERS
    assert state.score < 1, "not silent, as a new group is"
    odd = np.zeros(MEMBERS)
    odd[2], odd[3] = 6.0, -6.0
    assert world.tick(odd, more).score >= 1


def test_a_constant_member_and_infinite_values_are_no_trouble() -> None:
    world = World()
    for i in range(600):
        values = world.draw()
        values[0] = 0.0
        values[1] = np.inf if i % 7 == 0 else values[1]
        state = world.tick(values)
    assert state.score < 1


def test_each_group_is_judged_as_if_it_were_alone() -> None:
    keys = tuple(SeriesKey(f"s{i}", (("n", str(n)),)) for n in range(5) for i in range(4 + 3 * n))
    rule = GroupRule(by=("n",))
    many = World(rule, keys=keys)
    lines = [many.draw() for _ in range(400)]
    for line in lines:
        many.tick(line)
    for n in range(5):
        mine = [i for i, key in enumerate(keys) if key.labels == (("n", str(n)),)]
        alone = World(rule, keys=tuple(keys[i] for i in mine))
        states = [alone.tick(line[mine]) for line in lines]
        state = many.groups.state(f"n={n}")
        assert state is not None
        assert state.score == pytest.approx(states[-1].score, rel=1e-3)


def test_what_was_learned_survives_a_restart_and_what_does_not_fit_is_refused() -> None:
    world = World()
    world.run(500)
    arrays, meta = world.groups.export()
    other = World()
    other.groups.restore(arrays, meta, now=500 * STEP)
    other.ticks = 500
    values = world.draw()
    assert other.tick(values).score == pytest.approx(world.tick(values).score)
    with pytest.raises(ValueError, match="groups of format 0"):
        other.groups.restore(arrays, {**meta, "format": 0}, 0.0)
    arrays["8/group"] = arrays["8/group"][:-1]
    with pytest.raises(ValueError, match="group of groups has"):
        other.groups.restore(arrays, meta, 0.0)
