"""What is silenced has the alert's own values, and never less than what was named."""

from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientSession
from pydantic import ValidationError

from receiver.model import Labels
from receiver.responses.actions import ActionError, Done, Tools
from receiver.responses.fields import fill
from receiver.upstream.asking import AskError
from tests.receiver.responses.actions.acting import fields, step


class Alertmanager:
    """Keeps what it is asked to silence."""

    def __init__(self, error: AskError | None = None) -> None:
        self.asked: list[tuple[Labels, timedelta, str]] = []
        self.error = error

    async def silence(self, labels: Labels, lasting: timedelta, why: str) -> str:
        if self.error:
            raise self.error
        self.asked.append((labels, lasting, why))
        return "id-1"


LABELS = {"alertname": "Down", "instance": "web 1; $(id)", "job": ""}


async def run(http: ClientSession, told: Alertmanager | None, **said: Any) -> Done:
    filled = fill(step("silence", **said), fields(LABELS))
    done: Done = await filled.run(Tools(http, LABELS, told.silence if told else None))
    return done


async def test_what_has_the_same_labels_is_silenced(http: ClientSession) -> None:
    told = Alertmanager()
    said = {"by": ["alertname", "instance"], "lasting": "2h", "why": "run ${run} is at work"}
    assert (await run(http, told, **said)).said == "silence id-1"
    same = {"alertname": "Down", "instance": "web 1; $(id)"}
    assert told.asked == [(same, timedelta(hours=2), "run 3 is at work")]


@pytest.mark.parametrize("name", ["job", "rack"])
async def test_a_label_that_is_missing_silences_nothing(http: ClientSession, name: str) -> None:
    told = Alertmanager()
    with pytest.raises(ActionError, match=f"no_label: the alert has no {name}"):
        await run(http, told, by=["alertname", name])
    assert not told.asked


async def test_where_nobody_can_silence_it_is_said(http: ClientSession) -> None:
    with pytest.raises(ActionError, match="no_alertmanager"):
        await run(http, None, by=["alertname"])
    for reason, unknown in (("refused", False), ("timeout", True)):
        with pytest.raises(ActionError, match=f"{reason}: it says no") as told:
            await run(http, Alertmanager(AskError(reason, "it says no")), by=["alertname"])
        assert told.value.unknown is unknown


@pytest.mark.parametrize(
    "said", [{"by": []}, {"by": ["a"], "lasting": "30d"}, {"by": ["a"], "lasting": "1s"}]
)
def test_a_silence_of_everything_or_for_ever_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        step("silence", **said)
