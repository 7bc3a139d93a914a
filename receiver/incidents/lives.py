"""The section `incidents` of the configuration: which alerts are one incident."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator

from receiver.settings import Duration, Section
from receiver.store.records import Terms

_LONGEST = 86400.0


def _check_time(seconds: float) -> float:
    if seconds > _LONGEST:
        raise ValueError("longer than 1d; what comes back so late is an incident of its own")
    return seconds


class Lives(Section):
    """What fires in a group within `reopen` after its incident was over opens that again."""

    reopen: Annotated[Duration, AfterValidator(_check_time)] = 600.0

    def terms(self, depth: int) -> Terms:
        """Return the terms on which webhooks are taken where so many episodes are looked at."""
        return Terms(depth, timedelta(seconds=self.reopen))


APART = Lives.model_validate({"reopen": "0s"})
"""Each end is one."""
