"""A CSV file or a tree of them, read in batches that fit into memory."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from exporter.backtest.reader import read
from exporter.backtest.series import InputError, Series

Batch = list[Series | InputError]
"""Series, and in place of those that cannot be read, why."""


def find(root: Path) -> list[Path]:
    """Return the file, or the CSV files of the tree; raises InputError where there are none."""
    if root.is_file():
        return [root]
    found = sorted(path for path in root.rglob("*.csv") if path.is_file())
    if not found:
        what = "no CSV file in it" if root.is_dir() else "no such file or folder"
        raise InputError(f"{root}: {what}; give a CSV file, or a folder of them")
    return found


def load(
    root: Path, paths: Sequence[Path], most: int, progress: Callable[[float], None]
) -> Iterator[Batch]:
    """Read files in batches of at most `most` bytes, or one file if that alone is larger."""
    for batch in _batches(paths, most):
        yield [*_attempts(root, batch, progress)]


def _batches(paths: Sequence[Path], most: int) -> Iterator[list[Path]]:
    """Group files of about the same size, so that few run on while the others have ended."""
    sizes = {path: path.stat().st_size for path in paths}
    batch: list[Path] = []
    room = most
    for path in sorted(paths, key=lambda path: -sizes[path]):
        if batch and sizes[path] > room:
            yield batch
            batch, room = [], most
        batch.append(path)
        room -= sizes[path]
    yield batch


def _attempts(root: Path, batch: Sequence[Path], progress: Callable[[float], None]) -> Batch:
    read_so_far: Batch = []
    for path in batch:
        progress(len(read_so_far) / len(batch))
        try:
            read_so_far.append(read(path, root))
        except InputError as error:
            read_so_far.append(error)
    return read_so_far
