"""Which step is due is decided by what was told and by the time alone."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.incidents.escalation.due import Stands, Turn, begun, due, settled, standing
from receiver.incidents.escalation.policy import Policy
from receiver.store.escalating import Pending, Progress
from tests.receiver.incidents.escalation.kit import minute, policy

PENDING = Pending(1, minute(0), "Down", "critical", "tocsin", "g")


@pytest.mark.parametrize(
    ("stands", "told", "at", "expected"),
    [
        (Stands(), 0, 4, "waiting"),
        (Stands(), 0, 5, Turn(0, minute(5))),
        (Stands(), 1, 5, "waiting"),
        (Stands(), 1, 600, Turn(2, minute(30))),
        (Stands(), 3, 600, "exhausted"),
        (Stands(taken=True), 0, 5, "acknowledged"),
        (Stands(silenced=True), 0, 5, "silenced"),
        (Stands(maintained=True), 0, 5, "maintenance"),
        (Stands(is_open=False, taken=True), 0, 5, "over"),
    ],
)
def test_what_is_due_or_why_nothing_is(
    stands: Stands, told: int, at: float, expected: Turn | str
) -> None:
    progress = Progress("urgent", minute(0), told)
    assert due(policy(), stands, progress, minute(at)) == expected


def test_rounds_come_one_after_the_other() -> None:
    twice = policy(repeat=1, wait="1h")
    offsets = [twice.offset(index) / timedelta(minutes=1) for index in range(twice.total)]
    assert offsets == [5, 15, 30, 95, 105, 120]


@dataclass
class Life:
    """An incident with its clock; `told` is of each start the steps that were told since."""

    policy: Policy
    now: datetime = PENDING.opened_at
    pending: Pending = PENDING
    told: dict[datetime | None, list[int]] = field(default_factory=dict)
    start: datetime | None = None

    def look(self) -> None:
        """Do what the worker does, and what the store does when it did."""
        before = self.pending.progress or begun(self.pending, "urgent", self.now)
        stands = standing(self.pending, self.now)
        progress = settled(before, "urgent", stands, self.now)
        if progress.told < before.told or self.start is None:
            self.start = progress.since
        turn = due(self.policy, stands, progress, self.now)
        if isinstance(turn, Turn):
            assert not stands.rests
            self.told.setdefault(self.start, []).append(turn.index)
            progress = replace(progress, told=turn.index + 1, told_at=self.now)
        else:  # never silent while one is due
            nobody_left = progress.told >= self.policy.total
            later = nobody_left or progress.since + self.policy.offset(progress.told) > self.now
            assert stands.rests or later
        self.pending = replace(self.pending, progress=progress)

    def jump(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)

    def take(self, minutes: float | None) -> None:
        if not standing(self.pending, self.now).taken:
            until = None if minutes is None else self.now + timedelta(minutes=minutes)
            self.pending = replace(self.pending, taken_at=self.now, taken_until=until)

    def hush(self, _: float) -> None:
        self.pending = replace(self.pending, silenced=not self.pending.silenced)


STEPS: st.SearchStrategy[tuple[Callable[[Life, float], None], float]] = st.one_of(
    st.tuples(st.just(Life.jump), st.floats(0, 20)),
    st.tuples(st.just(Life.jump), st.sampled_from([60, -60, 600])),
    st.tuples(st.just(Life.take), st.floats(1, 90)),
    st.tuples(st.just(Life.hush), st.just(0.0)),
)


@given(st.lists(STEPS, max_size=40), st.integers(0, 2))
def test_no_step_comes_twice_and_none_is_missed_whatever_the_clock_and_people_do(
    steps: list[tuple[Callable[[Life, float], None], float]], repeat: int
) -> None:
    life = Life(policy(repeat=repeat))
    for act, value in steps:
        act(life, value)
        life.look()
    for indexes in life.told.values():
        assert all(one < other for one, other in pairwise(indexes))


@given(st.lists(st.floats(-90, 90), max_size=30))
def test_nobody_is_asked_once_it_is_taken_for_good(jumps: list[float]) -> None:
    life = Life(policy())
    life.take(None)
    for minutes in jumps:
        life.jump(minutes)
        life.look()
    assert not life.told
