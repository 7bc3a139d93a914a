"""What a person may do about an incident, and whether now (pure).

To add one, write its line here, its words in `messages.words`, and how it is done in `acting`.
"""

from dataclasses import dataclass
from datetime import timedelta

from receiver.incidents.people import Person, Role
from receiver.messages.words import VERDICTS
from receiver.store.handling import Handled


@dataclass(frozen=True, slots=True)
class Verb:
    """`act` is what it does and `lasting` for how long; `role` is what it asks of a person.

    A message offers it as a button unless it is `free`: then whoever asks says for how long, or
    the reminder of a silence alone offers it. What can be done `anytime` can be done when it is
    over too.
    """

    act: str
    role: Role
    lasting: timedelta | None = None
    free: bool = False
    anytime: bool = False


VERBS: dict[str, Verb] = {
    "acknowledge": Verb("acknowledge", Role.OPERATE),
    "silence-1h": Verb("silence", Role.OPERATE, timedelta(hours=1)),
    "silence-4h": Verb("silence", Role.OPERATE, timedelta(hours=4)),
    "silence": Verb("silence", Role.OPERATE, timedelta(hours=1), free=True),
    "extend-1h": Verb("extend", Role.OPERATE, timedelta(hours=1), free=True, anytime=True),
    "extend-4h": Verb("extend", Role.OPERATE, timedelta(hours=4), free=True, anytime=True),
    **{verdict: Verb("judge", Role.OPERATE, anytime=True) for verdict in VERDICTS},
}


def offered(*, silences: bool) -> tuple[str, ...]:
    """Return what there is to do, with or without an Alertmanager that could silence."""
    return tuple(
        name
        for name, verb in VERBS.items()
        if not verb.free and (silences or verb.act != "silence")
    )


def refusal(person: Person | None, verb: str, stands: Handled | None) -> str:
    """Say why somebody may not do this now: a named reason, or nothing where they may."""
    if verb not in VERBS:
        return "unknown_verb"
    if person is None:
        return "stranger"
    if VERBS[verb].role not in person.roles:
        return "role"
    if stands is None:
        return "unknown_incident"
    return "" if stands.is_open or VERBS[verb].anytime else "over"


def left(person: Person, stands: Handled, *, silences: bool) -> tuple[str, ...]:
    """Return what somebody may still do: about what fires, or say of what is over."""
    may = (verb for verb in offered(silences=silences) if not refusal(person, verb, stands))
    fitting = (verb for verb in may if VERBS[verb].anytime is not stands.is_open)
    return tuple(verb for verb in fitting if not (verb == "acknowledge" and stands.taken))
