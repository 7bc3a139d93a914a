"""In whose hands an incident is when a message about it is written, and how others may take it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

from receiver.messages.facts import ALONE, Beside
from receiver.model import Act
from receiver.signing import Signer

PURPOSE = "act"
_UNSEALED = Signer(b"preview")
_GOOD = timedelta(hours=24)
"""How long a link is good; a reminder of what still fires brings another one."""


@dataclass(frozen=True, slots=True)
class Custody:
    """`taken` is who acknowledged the incident of this number, `links` are (name, URL) of people.

    `verbs` are what can be done by a channel's own buttons, and `silences` says whether by one of
    the two a silence is made; `beside` is what it is one with.
    """

    incident: int = 0
    taken: Act | None = None
    links: tuple[tuple[str, str], ...] = ()
    verbs: tuple[str, ...] = ()
    silences: bool = False
    beside: Beside = ALONE


NOBODY = Custody()


@dataclass(frozen=True, slots=True)
class Doors:
    """Writes links by which people act on an incident, one for each: `people` are names by key.

    `url` is where our pages are, `verbs` what the channel has buttons for, and `silences` whether
    there is an Alertmanager that could.
    """

    url: str
    signer: Signer
    people: Mapping[str, str] = field(default_factory=dict)
    verbs: tuple[str, ...] = ()
    silences: bool = False

    def custody(self, incident: int, taken: Act | None, now: datetime) -> Custody:
        """Return what a message about an incident needs."""
        until = int((now + _GOOD).timestamp())
        links = tuple((name, self._link(incident, key, until)) for key, name in self.people.items())
        return Custody(
            *(incident, taken, links, self.verbs),
            silences=self.silences and bool(links or self.verbs),
        )

    def pretend(self, incident: int, now: datetime) -> Custody:
        """Return the same for what is only looked at: its links open nothing anywhere."""
        return replace(self, signer=_UNSEALED).custody(incident, None, now)

    def _link(self, incident: int, person: str, until: int) -> str:
        shown = self.signer.seal(PURPOSE, subject(incident, person), until)
        query = urlencode({"who": person, "until": until, "seal": shown})
        return f"{self.url}/act/{incident}?{query}"


def subject(incident: int, person: str) -> str:
    """Return what the seal of a link holds together."""
    return f"{incident}\0{person}"
