r"""The lines of a sudoers file that a runbook needs: exactly its commands, and nothing beside.

A field of an alert is a pattern there, of what a field may be but for what sudoers reads itself.
https://www.sudo.ws/docs/man/sudoers.man/#Regular_expressions (sudo 1.9.10 and newer)
"""

import re
from collections.abc import Iterator, Sequence

from receiver.responses.actions import Action
from receiver.responses.fields import PLACE
from receiver.responses.runbook import Runbook

USER = "tocsin-receiver"
"""Whom the service's unit runs as."""
_FIELD = r"[A-Za-z0-9_/][A-Za-z0-9_./@%+-]*"
_PLAIN = re.compile(r"[\w ./@%+-]*", re.ASCII)
_SPECIAL = re.compile(r"([\\.^$*+?()\[\]{}|#\"])")


def lines(runbook: Runbook, user: str = USER) -> Iterator[str]:
    """Yield each line once."""
    back: Sequence[Action] = () if isinstance(runbook.rollback, str) else runbook.rollback
    commands = [each for step in (*runbook.steps, *back) for each in step.privileges]
    yield from dict.fromkeys(f"{user} ALL=(root) NOPASSWD: {_command(each)}" for each in commands)


def _command(argv: Sequence[str]) -> str:
    program, *arguments = argv
    text = " ".join(arguments)
    if _PLAIN.fullmatch(text):
        return f"{program} {text}" if text else f'{program} ""'
    pieces = PLACE.split(text)  # every second one is a field's name
    said = (_FIELD if n % 2 else _SPECIAL.sub(r"\\\1", each) for n, each in enumerate(pieces))
    return f"{program} ^{''.join(said)}$"
