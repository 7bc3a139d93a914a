"""The section `responses` of the configuration, and the switch that stops them all."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field

from receiver.settings import Section

VARIABLE = "TOCSIN_STOP_RESPONSES"


class Responses(Section):
    """What holds for all runbooks.

    `kill_switch` is a file, a relative one in TOCSIN_HOME: while it exists no response acts.
    `concurrency` bounds the runs that act at once. As root nothing acts unless `allow_root`.
    """

    kill_switch: str = "stop-responses"
    concurrency: Annotated[int, Field(ge=1, le=100)] = 3
    allow_root: bool = False

    @property
    def thrown(self) -> str:
        """Where the switch is thrown beside the store, or empty."""
        if os.environ.get(VARIABLE):
            return f"the environment has {VARIABLE}"
        path = Path(os.environ.get("TOCSIN_HOME", ".tocsin"), self.kill_switch)
        return f"there is a file {path}" if path.exists() else ""
