"""The section is strict, and says all that is wrong with it and how to mend it."""

from pathlib import Path
from typing import Any

import pytest

from receiver.config import decode
from receiver.intake.auditor import Auditor
from receiver.model import ConfigError
from receiver.reload import reached
from receiver.store.store import Store
from tests.receiver.incidents.escalation.kit import House, minute, policy

STEP = {"after": "5m", "channel": "inbox"}
DOCUMENT: dict[str, Any] = {
    "channels": {"inbox": {"type": "inbox"}, "other": {"type": "terminal"}},
    "people": {"ada": {"name": "Ada", "channel": "other"}, "bob": {"name": "Bob"}},
    "schedules": {"ops": {"layers": [{"people": ["ada", "bob"], "start": "2026-01-05"}]}},
}


def problems(*steps: dict[str, Any], **changes: Any) -> list[str]:
    said = {"urgent": {"steps": list(steps) or [STEP], **changes}}
    try:
        decode(DOCUMENT | {"escalations": said}, Path("r.yml"))
    except ConfigError as error:
        return [line.removeprefix("r.yml: escalations") for line in error.problems]
    return []


UNREACHABLE = (
    ": urgent: step 1: bob cannot be reached; write a channel at people.bob, or a handover"
    " channel at the schedule, or a fallback here"
)
IN = ".urgent.steps.0"


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        (STEP, None),
        ({"after": "5m", "person": "ada"}, None),
        ({"after": "5m", "schedule": "ops", "fallback": "inbox"}, None),
        (
            {"after": "5m", "channel": "no"},
            f"{IN}.channel: no channel is named 'no'; there are inbox, other",
        ),
        ({"after": "5m", "person": "no"}, f"{IN}.person: no person is 'no'; there are ada, bob"),
        (
            {"after": "5m", "person": "bob"},
            ": urgent: step 1: bob cannot be reached; write a channel at people.bob",
        ),
        (
            {"after": "5m", "schedule": "no"},
            ": urgent: step 1: no schedule is named 'no'; there are ops",
        ),
        ({"after": "5m", "schedule": "ops"}, UNREACHABLE),
        ({"after": "5m"}, f"{IN}: write one of channel, person and schedule"),
        (STEP | {"person": "ada"}, f"{IN}: write one of channel, person and schedule"),
        (
            STEP | {"fallback": "inbox"},
            f"{IN}: fallback belongs to schedule, which may have nobody; remove it",
        ),
        (STEP | {"after": "31d"}, f"{IN}.after: longer than 30d; nobody would wait for that"),
    ],
)
def test_a_step_that_could_ask_nobody_is_refused(step: dict[str, Any], problem: str | None) -> None:
    assert problems(step) == ([problem] if problem else [])


def test_a_policy_needs_steps_and_time_between_its_rounds() -> None:
    assert problems(steps=[]) == [".urgent.steps: is empty; write at least one"]
    said = problems(wait="1s", match=["severity"])
    assert said[0].startswith(".urgent.match.0: not a matcher")
    assert said[1] == ".urgent.wait: shorter than 1m; give people time to answer"


def test_a_handover_channel_reaches_whoever_is_on_call() -> None:
    ops = DOCUMENT["schedules"]["ops"] | {"handover": "other"}
    steps = [{"after": "5m", "schedule": "ops"}, STEP]
    said = {"schedules": {"ops": ops}, "escalations": {"urgent": {"steps": steps}}}
    config = decode(DOCUMENT | said, Path("r.yml"))
    assert {*reached(config)} == {"inbox", "other"}


async def test_the_auditor_finds_what_is_long_due_and_told_by_nobody(store: Store) -> None:
    house = House(store, {"urgent": policy({"after": "5m", "channel": "managers"})})
    auditor = Auditor(dict, lambda _: [1], store, house.numbers, house.escalation.stuck)
    await house.hear(0)
    await house.tick(0)

    async def found(at: float) -> list[str]:
        said = await auditor.once(minute(at))
        return [each.said for each in said if each.kind == "escalation"]

    assert [await found(at) for at in (0, 9, 11)] == [
        [],
        [],
        ["incident 1 waits for somebody who is not asked"],
    ]
    await house.tick(12)  # then nobody is left, which is no fault
    assert await found(30) == []
