"""What people say, as it is sent and kept: a label for an alarm, a sensitivity for a signal."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, TypeAdapter

from exporter.model import Labels
from exporter.settings import Section, Sensitivity

Verdict = Literal["true", "false", "missed"]
VERDICTS: tuple[Verdict, ...] = ("true", "false", "missed")
LabelSet = Annotated[dict[str, str], Field(max_length=64)]
Identity = tuple[str, Labels]
"""A signal's name and a series' labels in the order of their names."""


class Label(Section):
    """What a person says of a series at a moment.

    An alarm was `true` or `false`; one was `missed`.
    """

    kind: Literal["label"] = "label"
    signal: str
    labels: LabelSet
    verdict: Verdict
    at: AwareDatetime
    alarm: AwareDatetime | None = None
    """When the alarm was raised that this is about, as far as that was known."""
    by: Annotated[str, Field(max_length=200)] = ""
    note: Annotated[str, Field(max_length=1000)] = ""

    @property
    def identity(self) -> Identity:
        """Which series this is about."""
        return identity(self.signal, self.labels)

    @property
    def about(self) -> datetime:
        """The alarm this is about, by when it was raised, or else the moment."""
        return self.at if self.alarm is None or self.verdict == "missed" else self.alarm


class Setting(Section):
    """How many false alarms a week a person accepts of a signal, or of one of its series.

    Without a sensitivity, the configuration's is in force again.
    """

    kind: Literal["sensitivity"] = "sensitivity"
    signal: str
    labels: LabelSet | None = None
    """Of one series; None for all that have no setting of their own."""
    sensitivity: Sensitivity | None

    @property
    def place(self) -> tuple[str, Labels | None]:
        """What this is a setting of."""
        return self.signal, None if self.labels is None else identity("", self.labels)[1]


Record = Label | Setting
RECORD: TypeAdapter[Record] = TypeAdapter(Annotated[Record, Field(discriminator="kind")])


def identity(signal: str, labels: Mapping[str, str]) -> Identity:
    """Name a series whatever the order of its labels."""
    return signal, tuple(sorted(labels.items()))
