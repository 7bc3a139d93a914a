"""The units of systemd, by the commands that an administrator would type."""

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator

from receiver.responses.actions.contract import ActionError

SYSTEMCTL = "/usr/bin/systemctl"
SUDO = ("/usr/bin/sudo", "-n")
# A slash makes systemctl think of mounts, and stars mean many units.
_UNIT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_@.:-]{0,200}")
_PLACE = re.compile(r"\$\{[^{}]*\}")


def _check_unit(text: str) -> str:
    if not _UNIT.fullmatch(_PLACE.sub("x", text)):
        raise ValueError(f"{text!r:.80} is no unit; write it like web.service")
    return text


UnitName = Annotated[str, AfterValidator(_check_unit)]


def control(verb: str, unit: str, *, user: bool = False) -> Sequence[str]:
    """Return the command; raises ActionError for what is no unit."""
    if not _UNIT.fullmatch(unit):
        raise ActionError("unsafe_value", f"{unit!r:.80} is no unit")
    return [SYSTEMCTL, *(["--user"] if user else []), verb, unit]
