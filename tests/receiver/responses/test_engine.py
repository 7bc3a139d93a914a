"""Responses from the alert to their end, on a real store with real programs."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from receiver.responses.runbook import Runbook
from receiver.responses.settings import Responses
from receiver.store.audit import Change
from receiver.store.run_records import Ruling, Run, State
from receiver.store.store import Store
from tests.receiver.responses.kit import FALSE, TRUE, House, at, command, runbook, touch

HELD = {"checks": [{"check": "tcp", "address": "127.0.0.1:1"}]}
BY_ADA = Change("ada", "respond", "", "")


@pytest.fixture
async def house(store: Store) -> AsyncIterator[House]:
    async with aiohttp.ClientSession() as http:
        yield House(store, http)


def use(house: House, *books: Runbook) -> None:
    house.runbooks = {book.name: book for book in books}


async def until(path: Path, size: int = 0) -> None:
    """Wait for a program that makes a file of at least so many bytes."""
    async with asyncio.timeout(30):
        while not path.exists() or path.stat().st_size < size:  # noqa: ASYNC110, ASYNC240 -- a file rings no bell
            await asyncio.sleep(0.01)


def states(runs: list[Run]) -> list[tuple[str, str]]:
    return [(run.state.value, run.reason) for run in runs]


async def test_what_fires_is_repaired_verified_and_told(house: House, tmp_path: Path) -> None:
    use(house, runbook(touch(tmp_path / "${target}"), verify={"within": "5s"}))
    await house.fire("web-1")
    task = asyncio.create_task(house.look())
    await until(tmp_path / "web-1")
    await house.fire("web-1", status="resolved")
    (run,) = await task
    assert (run.state, run.detail) == (
        State.VERIFIED,
        "what fired no longer does: the alert is resolved",
    )
    (step,) = await house.steps(run)
    assert (step.phase, step.outcome, step.detail) == ("act", "done", "exit 0")
    assert step.said == f"/usr/bin/touch {tmp_path}/web-1"
    told = await house.told()
    assert told[-2:] == [
        "acts on web-1 now",
        "web-1 is repaired: what fired no longer does: the alert is resolved",
    ]


async def test_one_episode_is_responded_to_once_however_often_it_is_told(house: House) -> None:
    use(house, runbook(verify=HELD))
    await house.fire("web-1")
    assert len(await house.look()) == 1
    await house.fire("web-1", "web-2")
    assert [run.wanted.target for run in await house.look(1)] == ["web-1", "web-2"]
    again = House(house.store, house.http, house.runbooks)
    assert len(await again.look(2)) == 2


async def test_what_did_not_help_is_taken_back(house: House, tmp_path: Path) -> None:
    made = tmp_path / "made"
    back = [command("/usr/bin/rm", str(made))]
    use(house, runbook(touch(made), verify=HELD, rollback=back))
    await house.fire("web-1")
    (run,) = await house.look()
    assert states([run]) == [("undone", "not_verified")]
    assert not made.exists()
    assert [step.phase for step in await house.steps(run)] == ["act", "undo"]
    assert "a person must look" in (await house.told())[-1]


async def test_a_rollback_that_fails_is_said(house: House) -> None:
    use(house, runbook(verify=HELD, rollback=[command(FALSE)]))
    await house.fire("web-1")
    (run,) = await house.look()
    assert states([run]) == [("failed", "rollback_failed")]
    assert "not taken back: failed: exit 1" in run.detail


async def test_without_evidence_a_run_is_unverified_and_no_success(house: House) -> None:
    use(house, runbook(verify={"checks": [{"check": "promql", "query": "up == 1"}]}))
    await house.fire("web-1")
    assert states(await house.look()) == [("unverified", "not_verified")]


async def test_a_step_that_fails_ends_the_run(house: House, tmp_path: Path) -> None:
    use(house, runbook(command(FALSE), touch(tmp_path / "after")))
    await house.fire("web-1")
    assert states(await house.look()) == [("failed", "failed")]
    assert not (tmp_path / "after").exists()


async def test_a_step_is_left_out_where_the_alert_does_not_match(
    house: House, tmp_path: Path
) -> None:
    left_out = touch(tmp_path / "left-out") | {"when": ['instance="web-2"']}
    use(house, runbook(left_out, verify=HELD))
    await house.fire("web-1")
    (run,) = await house.look()
    assert await house.steps(run) == []


async def test_a_dry_run_says_what_it_would_do_and_does_nothing(
    house: House, tmp_path: Path
) -> None:
    use(house, runbook(touch(tmp_path / "made"), mode="dry-run"))
    await house.fire("web-1", "db-1")
    runs = await house.look()
    assert states(runs) == [("rehearsed", ""), ("rehearsed", "target_not_allowed")]
    assert (await house.told())[-2] == (
        f"would act on web-1 (dry run): /usr/bin/touch {tmp_path}/made"
    )
    assert not (tmp_path / "made").exists()


async def test_a_dry_run_keeps_the_evidence_that_is_gone_later(house: House) -> None:
    look = {"action": "diagnose", "what": ["processes"]}
    use(house, runbook(look, command(FALSE), mode="dry-run"))
    await house.fire("web-1")
    (run,) = await house.look()
    (step,) = await house.steps(run)
    assert (step.phase, step.outcome) == ("look", "done")
    assert "== processes" in step.output


async def test_a_step_that_is_left_out_may_name_what_the_alert_does_not_have(house: House) -> None:
    named = command(TRUE, "${labels.pid}") | {"when": ['pid!=""']}
    use(house, runbook(named, command(TRUE), mode="dry-run"))
    await house.fire("web-1")
    assert states(await house.look()) == [("rehearsed", "")]


async def test_it_waits_for_people_and_then_acts(house: House, tmp_path: Path) -> None:
    use(house, runbook(touch(tmp_path / "made"), mode="approve", verify=HELD))
    await house.fire("web-1")
    assert states(await house.look()) == [("asking", "")]
    assert not (tmp_path / "made").exists()
    assert await house.store.runs.agree(1, "ada", at(5), BY_ADA)
    assert states(await house.look(6)) == [("failed", "not_verified")]
    assert (tmp_path / "made").exists()


async def test_two_people_must_agree_each_counts_once_and_in_time(house: House) -> None:
    guard = {"two_people": True, "approval": "1m"}
    use(house, runbook(mode="approve", guard=guard, verify=HELD))
    await house.fire("web-1")
    await house.look()
    assert await house.store.runs.agree(1, "ada", at(5), BY_ADA)
    assert not await house.store.runs.agree(1, "ada", at(6), BY_ADA)
    assert states(await house.look(59)) == [("asking", "")]
    assert states(await house.look(60)) == [("refused", "not_approved")]
    assert not await house.store.runs.agree(1, "bob", at(61), BY_ADA)


async def test_it_acts_by_itself_only_after_enough_runs_that_people_wanted(house: House) -> None:
    use(house, runbook(guard={"promotion": 1, "cooldown": "1s"}, verify={"within": "2s"}))
    await house.fire("web-1")
    assert states(await house.look()) == [("asking", "not_promoted")]


async def test_the_kill_switch_holds_back_and_stops_in_the_middle(
    house: House, tmp_path: Path
) -> None:
    stop = tmp_path / "stop"
    house.settings = Responses(kill_switch=str(stop), allow_root=True)
    use(house, runbook(touch(stop), touch(tmp_path / "after"), verify=HELD))
    stop.touch()
    await house.fire("web-1")
    assert states(await house.look()) == [("waiting", "kill_switch")]
    stop.unlink()
    (run,) = await house.look(1)
    assert states([run]) == [("cancelled", "kill_switch")]
    assert run.detail == f"there is a file {stop}"
    assert not (tmp_path / "after").exists()


async def test_a_switch_in_the_store_holds_for_all_receivers(house: House) -> None:
    use(house, runbook(verify=HELD))
    stops = house.store.runs.stops
    await stops.throw("ada", "deploying", at(0), Change("ada", "stop", "responses", "deploying"))
    await house.fire("web-1")
    assert states(await house.look()) == [("waiting", "kill_switch")]
    assert await stops.release(at(1), Change("ada", "release", "responses"))
    assert states(await house.look(1)) == [("failed", "not_verified")]


async def test_past_its_blast_radius_the_breaker_opens_until_a_person_closes_it(
    house: House,
) -> None:
    use(house, runbook(guard={"blast": {"most": 2}}, verify=HELD))
    for number in range(1, 4):
        await house.fire(f"web-{number}", group=str(number))
        runs = await house.look(number)
    assert states(runs)[2] == ("refused", "blast_radius")
    await house.fire("web-1", status="resolved", group="1")
    await house.fire("web-4", group="4")
    assert states(await house.look(10))[3] == ("waiting", "breaker")
    assert await house.store.runs.stops.reset("mend", at(20), BY_ADA)
    assert states(await house.look(3700))[3] == ("failed", "not_verified")


async def test_a_thousand_at_once_with_a_cap_of_three(house: House) -> None:
    house.settings = Responses(concurrency=3, allow_root=True)
    guard = {"concurrency": 50, "rate": "5000/1h", "blast": {"most": 5000}}
    use(house, runbook(command("/usr/bin/sleep", "30"), guard=guard))
    await house.fire(*(f"web-{number}" for number in range(1000)))
    await house.engine.once(at(0))
    runs = await house.store.runs.page(before=None, limit=2000)
    acting = [run for run in runs if run.state is State.ACTING]
    assert (len(runs), len(acting)) == (1000, 3)
    await house.engine.close()


async def test_two_receivers_respond_once(house: House, tmp_path: Path) -> None:
    note = f"from pathlib import Path; Path('{tmp_path}/n').open('a').write('x')"
    use(house, runbook(command("/usr/bin/python3", "-c", note), verify=HELD))
    other = House(house.store, house.http, house.runbooks)
    await house.fire("web-1")
    await asyncio.gather(house.look(), other.look())
    assert (tmp_path / "n").read_text() == "x"


async def test_a_run_whose_alert_is_over_before_its_turn_is_cancelled(house: House) -> None:
    use(house, runbook(mode="approve"))
    await house.fire("web-1")
    await house.look()
    await house.fire("web-1", status="resolved")
    assert states(await house.look(1)) == [("cancelled", "resolved")]


async def dies_once(house: House, path: Path) -> None:
    """Let a receiver die in the middle of a step that has made a file."""
    await house.engine.once(at(0))
    await until(path, size=1)
    await house.engine.close()


async def dies_in(house: House, seconds: float) -> None:
    """Let a receiver die in the middle of a step: its lease runs out."""
    await house.engine.once(at(0))
    await asyncio.sleep(seconds)
    await house.engine.close()


@pytest.mark.parametrize(
    ("again", "ended", "count"),
    [(False, ("failed", "unknown"), "x"), (True, ("failed", "not_verified"), "xx")],
    ids=["not twice", "idempotent"],
)
async def test_a_run_found_in_the_middle_acts_again_only_where_it_may(
    house: House, tmp_path: Path, *, again: bool, ended: tuple[str, str], count: str
) -> None:
    note = f"import time; open('{tmp_path}/n', 'a').write('x'); time.sleep(30 * {{}})"
    slow = note.format("(len(open('" + str(tmp_path / "n") + "').read()) == 1)")
    step = command("/usr/bin/python3", "-c", slow, idempotent=again)
    use(house, runbook(step, verify=HELD, guard={"tries": 1 if again else 3, "cooldown": "0s"}))
    await house.fire("web-1")
    await dies_once(house, tmp_path / "n")
    assert (tmp_path / "n").read_text() == "x"
    found = House(house.store, house.http, house.runbooks)
    assert states(await found.look(10)) == [("acting", "")]  # the lease still holds
    assert states(await found.look(200)) == [ended]
    assert states(await found.look(400)) == [ended]  # and no further try
    assert (tmp_path / "n").read_text() == count


async def test_a_run_found_in_the_middle_that_has_helped_is_left_alone(house: House) -> None:
    use(house, runbook(command("/usr/bin/sleep", "30")))
    await house.fire("web-1")
    await dies_in(house, 0.2)
    await house.fire("web-1", status="resolved")
    found = House(house.store, house.http, house.runbooks)
    assert states(await found.look(200)) == [("verified", "after_crash")]


async def test_who_stops_a_run_stops_what_it_has_started(house: House, tmp_path: Path) -> None:
    slow = f"import time; time.sleep(2.5); open('{tmp_path}/late', 'w')"
    use(house, runbook(command("/usr/bin/python3", "-c", slow)))
    await house.fire("web-1")
    await house.engine.once(at(0))
    await asyncio.sleep(0.2)
    run = await house.store.runs.one(1)
    assert run is not None
    stop = Ruling(State.CANCELLED, "stopped", "by ada")
    assert await house.store.runs.move(run, stop, at(1), None, BY_ADA)
    await house.engine.idle()
    await asyncio.sleep(2)
    assert not (tmp_path / "late").exists()


async def test_another_try_follows_where_the_guard_allows_it(house: House) -> None:
    use(house, runbook(command(TRUE), guard={"tries": 2, "cooldown": "1m"}, verify=HELD))
    await house.fire("web-1")
    await house.look()
    assert states(await house.look(1)) == [("failed", "not_verified"), ("waiting", "cooldown")]
    ended = await house.look(61)
    assert states(ended) == [("failed", "not_verified")] * 2
    assert len(await house.look(200)) == 2


async def test_who_waits_for_room_is_not_overtaken_by_who_comes_later(house: House) -> None:
    house.settings = Responses(concurrency=1, allow_root=True)
    guard = {"rate": "100/1h", "blast": {"most": 100}}
    use(house, runbook(guard=guard, verify=HELD))
    await house.fire(*(f"web-{number}" for number in range(4)), group="burst")
    await house.look()
    for number in range(4, 8):
        await house.fire(f"web-{number}", group=str(number))
        await house.look(number)
    runs = [run for run in await house.look(20) if run.begun_at]
    assert [run.id for run in runs] == [1, 2, 3, 4, 5, 6]
