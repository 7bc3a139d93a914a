"""Sections whose class is named by one of their keys: steps by `action`, checks by `check`."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, BeforeValidator, ValidationError, ValidationInfo

from receiver.settings import Section, faults


def one_of(key: str, kinds: Mapping[str, type[Section]]) -> BeforeValidator:
    """Read a section by the class that its `key` names; every problem in it is said at once."""

    def read(value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, BaseModel):
            return value
        if not isinstance(value, dict):
            said = f"a mapping is expected; write it like {{{key}: {next(iter(kinds))}}}"
            raise ValueError(said)  # noqa: TRY004 -- pydantic collects no other
        name = value.get(key)
        if not isinstance(name, str) or name not in kinds:
            said = f"no {key}" if name is None else f"{name!r:.40} is no {key}"
            raise ValueError(f"{said}; write {key}: {', '.join(kinds)}")
        try:
            return kinds[name].model_validate(value, context=info.context)
        except ValidationError as error:
            lines = [f"{'.'.join(map(str, at))}: {said}" for at, said in faults(error, kinds[name])]
            raise ValueError("\n".join(lines)) from error

    return BeforeValidator(read)
