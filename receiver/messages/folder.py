"""The user's own templates as they stand in a folder, and all that is wrong with its files."""

from collections.abc import Iterator
from pathlib import Path

from receiver.messages.library import NAMES, Key, Source
from receiver.model import Language

_LARGEST = 256 * 1024

Read = tuple[dict[Key, Source], list[str]]
"""What could be read, and a line for each file that could not."""


def read(folder: Path) -> Read:
    """Read every template in a folder."""
    own: dict[Key, Source] = {}
    problems: list[str] = []
    try:
        paths = sorted(_listed(folder))
    except OSError as error:
        return {}, [f"{folder}: {error.strerror}; make it, with en/ and zh/ in it"]
    for path in paths:
        try:
            key = _key(path)
            own[key] = Source(str(path), _text(path))
        except ValueError as error:
            problems.append(f"{path}: {error}")
    return own, problems


def _listed(folder: Path) -> Iterator[Path]:
    """Yield the files of each language, and what is no language; hidden ones are not looked at."""
    for place in folder.iterdir():
        if place.name.startswith("."):
            continue
        if place.is_dir() and place.name in {*Language}:
            yield from (path for path in place.iterdir() if not path.name.startswith("."))
        else:
            yield place


def _key(path: Path) -> Key:
    if path.parent.name not in {*Language}:
        raise ValueError(f"is none of the folders {', '.join(Language)}; put templates into those")
    if path.name not in NAMES:
        raise ValueError(f"no template is called so; there are {', '.join(NAMES)}")
    return Language(path.parent.name), path.name


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}; check its rights") from error
    if len(raw) > _LARGEST:
        raise ValueError(f"has {len(raw)} bytes; a template has at most {_LARGEST}")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}; save it as UTF-8") from error
