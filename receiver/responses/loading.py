"""Reads runbooks from the files that the configuration names; every error with its file."""

from collections.abc import Iterator
from glob import glob
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, InstanceOf, PlainSerializer, ValidationError, ValidationInfo

from receiver.model import ConfigError
from receiver.responses.runbook import Runbook
from receiver.settings import describe, read_yaml

_MOST = 2_000


def _read(value: Any, info: ValidationInfo) -> dict[str, Runbook]:
    """Read all files that match the patterns; a relative one starts at the configuration."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError("a list of files is expected; write it like [runbooks/*.yml]")
    context = info.context or {}
    folder = Path(context.get("folder", "."))
    problems: list[str] = []
    found: dict[str, Runbook] = {}
    for path in _files(folder, value, problems):
        try:
            runbook = Runbook.model_validate(read_yaml(path), context=context)
        except ConfigError as error:
            problems += error.problems
        except ValidationError as error:
            problems += describe(path, error, Runbook)
        else:
            if runbook.name in found:
                problems.append(f"{path}: name: {runbook.name} is taken by another file; rename it")
            found[runbook.name] = runbook
    if problems:
        raise ValueError("\n".join(problems))
    return found


def _files(folder: Path, patterns: list[str], problems: list[str]) -> Iterator[Path]:
    """Yield the files, each once."""
    paths: dict[str, None] = {}
    for pattern in patterns:
        matches = sorted(glob(str(folder / pattern)))  # noqa: PTH207 -- the pattern may be absolute
        if not matches:
            problems.append(f"{pattern}: no such file below {folder}; correct the path")
        paths |= dict.fromkeys(matches)
    if len(paths) > _MOST:
        problems.append(f"{len(paths)} files; at most {_MOST} runbooks are read")
    yield from map(Path, list(paths)[:_MOST])


Runbooks = Annotated[
    dict[str, InstanceOf[Runbook]],
    BeforeValidator(_read),
    PlainSerializer(sorted, return_type=list),
]
"""Runbooks by name, read from the files that the configuration names."""
