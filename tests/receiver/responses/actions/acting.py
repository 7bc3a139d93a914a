"""A step as a runbook has it, filled from an alert's labels, and what it works with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
from pydantic import TypeAdapter

from receiver.responses.actions import Action, Done, Tools
from receiver.responses.checks import Answer, Check, Witness
from receiver.responses.fields import Fields, fill
from receiver.responses.runbook import CheckText, Step
from tests.receiver.webhooks import START

_STEP: TypeAdapter[Action] = TypeAdapter(Step)
_CHECK: TypeAdapter[Check] = TypeAdapter(CheckText)


def fields(labels: Mapping[str, str]) -> Fields:
    return Fields(dict(labels), "web-1", 7, "f1", START, 3)


def step(action: str, folder: Path = Path(), **said: Any) -> Action:
    """Read a step as `check` does."""
    return _STEP.validate_python({"action": action, **said}, context={"folder": folder})


async def act(http: ClientSession, action: Action, **labels: str) -> Done:
    filled: Action = fill(action, fields(labels))
    return await filled.run(Tools(http, labels))


async def ask(http: ClientSession, check: str, **said: Any) -> Answer:
    asked: Check = fill(_CHECK.validate_python({"check": check, **said}), fields({}))
    return await asked.ask(Witness(http, {}, fires=True))
