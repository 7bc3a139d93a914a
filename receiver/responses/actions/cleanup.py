"""Old files, deleted below folders that the runbook names, and nowhere else."""

import time
from pathlib import PurePosixPath
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from receiver.responses.actions.aside import aside
from receiver.responses.actions.contract import Action, ActionError, Done, Tools
from receiver.responses.actions.sweep import Rule, Swept, sweep
from receiver.settings import Duration, Size

# What a machine cannot live without; and folders of which no whole can be meant.
_NEVER = (
    *("/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/root"),
    *("/sbin", "/sys", "/usr"),
)
_NOT_WHOLE = {"/", "/home", "/media", "/mnt", "/opt", "/run", "/srv", "/var", "/var/lib", "/snap"}
_NOT_WHOLE_PARENTS = {"/home", "/var/lib", "/run/user"}
_SHOWN = 200
"""Paths that are kept in the run."""


def _check_root(text: str) -> str:
    path = PurePosixPath(text)
    if "$" in text:
        raise ValueError("a root cannot come from an alert; write the folder")
    if not text.startswith("/") or str(path) != text.rstrip("/") or ".." in path.parts:
        raise ValueError(f"{text!r:.80} is no plain absolute path; write it like /var/cache/app")
    around = {str(path), *map(str, path.parents)}
    if around & set(_NEVER) or str(path) in _NOT_WHOLE or str(path.parent) in _NOT_WHOLE_PARENTS:
        raise ValueError(f"nothing is deleted below {path}; write a folder of an application")
    return str(path)


def _check_pattern(text: str) -> str:
    if not text or "/" in text or "$" in text:
        raise ValueError(f"{text!r:.80} is no pattern of a file's name; write it like '*.log.*'")
    return text


class Cleanup(Action):
    """Delete the plain files below `roots` whose names match one of `files`.

    Only what was not written to for as long as `older`, and is no smaller than `larger`; at most
    `most` files and `most_bytes`. No link is followed, and no other file system is entered.
    """

    idempotent: ClassVar[bool] = True

    action: Literal["cleanup"]
    roots: Annotated[
        tuple[Annotated[str, AfterValidator(_check_root)], ...], Field(min_length=1, max_length=50)
    ]
    files: Annotated[
        tuple[Annotated[str, AfterValidator(_check_pattern)], ...], Field(min_length=1)
    ]
    older: Duration = 86_400.0
    larger: Size = 0
    most: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    most_bytes: Size | None = None

    @property
    def says(self) -> str:
        """What is deleted where."""
        old = f"{self.older / 3600:g} h"
        return f"delete {', '.join(self.files)} below {', '.join(self.roots)}, older than {old}"

    async def run(self, tools: Tools) -> Done:  # noqa: ARG002 -- the contract's
        """Delete, and say what was freed; what could not be deleted is counted."""
        begun = time.monotonic()
        rule = Rule(
            self.files,
            before=time.time() - self.older,
            larger=self.larger,
            most=self.most,
            most_bytes=self.most_bytes,
            until=begun + self.timeout * 0.9,
        )
        swept = Swept()
        await aside(lambda look: sweep(self.roots, rule, swept, look))
        output = "\n".join(swept.paths[:_SHOWN])
        if swept.refused and not swept.count:
            raise ActionError("failed", _said(swept), output=output)
        return Done(_said(swept), output)


def _said(swept: Swept) -> str:
    refused = f"; {swept.refused} could not be: {swept.why}" if swept.refused else ""
    over = f"; stopped at {swept.over}" if swept.over else ""
    return f"{swept.count} files deleted, {swept.bytes} bytes freed{refused}{over}"
