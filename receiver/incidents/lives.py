"""The section `incidents` of the configuration: which alerts are one incident."""

import hashlib
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from receiver.model import Labels, Notification, Status
from receiver.settings import Duration, MatcherText, Section
from receiver.store.records import Join, Terms

_LONGEST = 86400.0
_OURS = "tocsin:"
LabelName = Annotated[str, Field(pattern=r"^[a-zA-Z_]\w*$")]


def _check_time(seconds: float) -> float:
    if seconds > _LONGEST:
        raise ValueError("longer than 1d; what comes back so late is an incident of its own")
    return seconds


class JoinRule(Section):
    """Groups are one incident whose firing alerts all match, and have the labels `by` alike.

    They join what is open, or began `within` so long.
    """

    by: Annotated[tuple[LabelName, ...], Field(min_length=1)]
    within: Annotated[Duration, AfterValidator(_check_time)] = 600.0
    match: tuple[MatcherText, ...] = ()

    def join(self, alike: Labels) -> Join | None:
        """Return what these labels have to be joined by, or None where the rule is not for them."""
        values = [alike.get(name, "") for name in self.by]
        if not all(values) or not all(matcher.matches(alike) for matcher in self.match):
            return None
        said = "\0".join([*self.by, *map(str, self.match), "", *values])
        key = hashlib.sha256(said.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        return Join(key, timedelta(seconds=self.within))


class Lives(Section):
    """What fires in a group within `reopen` after its incident was over opens that again.

    By the first rule of `join` that fits, groups of Alertmanager are one incident.
    """

    reopen: Annotated[Duration, AfterValidator(_check_time)] = 600.0
    join: tuple[JoinRule, ...] = ()

    def terms(self, told: Notification, depth: int) -> Terms:
        """Return the terms for a webhook, where so many episodes are looked at."""
        return Terms(depth, timedelta(seconds=self.reopen), self._join(told) if self.join else None)

    def _join(self, told: Notification) -> Join | None:
        fires = [alert.labels for alert in told.alerts if alert.status is Status.FIRING]
        if not fires or told.group_key.startswith(_OURS):
            return None
        first, *others = fires
        alike = {k: v for k, v in first.items() if all(other.get(k) == v for other in others)}
        found = (rule.join(alike) for rule in self.join)
        return next((join for join in found if join), None)


APART = Lives.model_validate({"reopen": "0s"})
"""Each end is one."""
