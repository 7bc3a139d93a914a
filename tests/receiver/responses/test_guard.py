"""Each guard by itself, with its reason, and what holds for any past at all."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.responses.fields import UnsafeError
from receiver.responses.guard import Limits, Scene, judge
from receiver.responses.runbook import Runbook
from receiver.store.run_records import Past, Ruling, Run, State, Wanted
from tests.receiver.responses.kit import runbook
from tests.receiver.webhooks import START

RUN = Run(
    7,
    Wanted("mend", "aa", START, 1, "web-1", "auto", {"instance": "web-1"}),
    State.WAITING,
    *("", ""),
    *(START, START),
    *(None, None, None),
    0,
)
MINUTE = timedelta(minutes=1)


def ruled(
    book: Runbook | None = None,
    past: Past | None = None,
    scene: Scene | None = None,
    run: Run = RUN,
    **limits: Any,
) -> tuple[State, str]:
    said = judge(book or runbook(), run, past or Past(), scene or Scene(START), Limits(**limits))
    return said.state, said.reason


def of(target: str) -> Run:
    return replace(RUN, wanted=replace(RUN.wanted, target=target))


BLAST = {"blast": {"group": "count(up)", "share": 0.5, "most": 10}}
THREE = frozenset({"web-7", "web-8", "web-9"})


@pytest.mark.parametrize(
    ("found", "state", "reason"),
    [
        (ruled(), "acting", ""),
        (ruled(past=Past(fires=False)), "cancelled", "resolved"),
        (ruled(runbook(mode="off")), "cancelled", "off"),
        (ruled(past=Past(switch="ada: deploying")), "waiting", "kill_switch"),
        (ruled(scene=Scene(START, switch="a file")), "waiting", "kill_switch"),
        (ruled(scene=Scene(START, is_root=True)), "refused", "root"),
        (ruled(scene=Scene(START, is_root=True), allow_root=True), "acting", ""),
        (ruled(scene=Scene(START, silenced=True)), "waiting", "silenced"),
        (ruled(scene=Scene(START, window="deploy")), "waiting", "maintenance"),
        (ruled(past=Past(breaker="too wide")), "waiting", "breaker"),
        (ruled(run=of("")), "refused", "no_target"),
        (ruled(run=of("db-1")), "refused", "target_not_allowed"),
        (ruled(run=of("web-1x")), "refused", "target_not_allowed"),
        (ruled(scene=Scene(START, unsafe=UnsafeError("x"))), "refused", "unsafe_value"),
        (ruled(past=Past(begun=1)), "refused", "tries"),
        (ruled(past=Past(last=START - 14 * MINUTE)), "waiting", "cooldown"),
        (ruled(past=Past(last=START - 15 * MINUTE)), "acting", ""),
        (ruled(past=Past(recent=6)), "waiting", "rate"),
        (ruled(past=Past(targets=THREE)), "refused", "blast_radius"),
        (ruled(runbook(guard=BLAST), Past(targets=THREE)), "waiting", "group_unknown"),
        (ruled(runbook(guard=BLAST), Past(targets=THREE), Scene(START, group=8)), "acting", ""),
        (
            ruled(runbook(guard=BLAST), Past(targets=THREE), Scene(START, group=7)),
            "refused",
            "blast_radius",
        ),
        (ruled(runbook(guard=BLAST), scene=Scene(START, group=0)), "refused", "blast_radius"),
        (ruled(past=Past(on_target=1)), "waiting", "target_busy"),
        (ruled(past=Past(of_runbook=1)), "waiting", "runbook_busy"),
        (ruled(past=Past(running=3)), "waiting", "busy"),
        (ruled(runbook(guard={"promotion": 3}), Past(verified=2)), "asking", "not_promoted"),
        (ruled(runbook(guard={"promotion": 3}), Past(verified=3)), "acting", ""),
    ],
)
def test_a_guard_says_why(found: tuple[State, str], state: str, reason: str) -> None:
    assert found == (State(state), reason)


def test_only_what_passes_its_bound_trips_the_breaker() -> None:
    ruling = judge(runbook(), RUN, Past(targets=THREE), Scene(START), Limits())
    assert ruling.trips
    assert not judge(runbook(), RUN, Past(begun=1), Scene(START), Limits()).trips


PASTS = st.builds(
    Past,
    fires=st.booleans(),
    running=st.integers(0, 4),
    of_runbook=st.integers(0, 2),
    on_target=st.integers(0, 1),
    begun=st.integers(0, 2),
    recent=st.integers(0, 7),
    targets=st.frozensets(st.sampled_from(["web-1", "web-2", "web-3", "web-4"])),
    last=st.none() | st.integers(0, 1800).map(lambda s: START - timedelta(seconds=s)),
    verified=st.integers(0, 4),
    switch=st.sampled_from(["", "ada"]),
    breaker=st.sampled_from(["", "too wide"]),
    agreed=st.dictionaries(st.sampled_from(["ada", "bob"]), st.just(START)),
)
SCENES = st.builds(
    Scene,
    now=st.integers(0, 3600).map(lambda s: START + timedelta(seconds=s)),
    switch=st.sampled_from(["", "a file"]),
    is_root=st.booleans(),
    silenced=st.booleans(),
    window=st.sampled_from(["", "deploy"]),
    group=st.none() | st.floats(0, 20),
    unsafe=st.none() | st.just(UnsafeError("x")),
)
BOOKS = st.sampled_from(
    [
        runbook(mode=mode, guard={"promotion": promotion, "two_people": two})
        for mode in ("off", "dry-run", "approve", "auto")
        for promotion in (0, 3)
        for two in (False, True)
    ]
)
STATES = st.sampled_from([State.WAITING, State.ASKING])


@given(BOOKS, PASTS, SCENES, STATES, st.sampled_from(["web-1", "db-1", ""]))
def test_whatever_has_been_nothing_acts_that_a_guard_forbids(
    book: Runbook, past: Past, scene: Scene, state: State, target: str
) -> None:
    run = replace(of(target), state=state)
    ruling = judge(book, run, past, scene, Limits())
    if ruling.state is not State.ACTING:
        assert ruling.reason or ruling.state in {State.REHEARSED, State.ASKING}
        return
    assert past.fires
    assert not any((past.switch, scene.switch, past.breaker, scene.silenced, scene.window))
    assert not scene.is_root
    assert target == "web-1"
    assert scene.unsafe is None
    assert past.begun == 0
    assert past.recent < 6
    assert len(past.targets | {target}) <= 3
    assert (past.running, past.of_runbook, past.on_target) < (3, 1, 1)
    by_itself = book.mode == "auto" and past.verified >= book.guard.promotion
    needed = 2 if book.guard.two_people else 1
    assert by_itself or (state is State.ASKING and len(past.agreed or {}) >= needed)


@given(BOOKS, PASTS, SCENES)
def test_a_dry_run_never_acts_and_never_trips(book: Runbook, past: Past, scene: Scene) -> None:
    dry = book.model_copy(update={"mode": type(book.mode)("dry-run")})
    ruling = judge(dry, RUN, past, scene, Limits())
    assert ruling.state in {State.REHEARSED, State.CANCELLED}
    assert ruling == Ruling(ruling.state, ruling.reason, ruling.detail)
