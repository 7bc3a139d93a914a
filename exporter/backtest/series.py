"""What is replayed: the rows of one series, however they were read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from exporter.model import FloatArray

Window = tuple[float, float]
"""When a labelled anomaly began and ended, both inclusive, in seconds since 1970."""


class InputError(Exception):
    """An input that cannot be used; the text says where, what is wrong, and the remedy."""


@dataclass(frozen=True, slots=True)
class Series:
    """The rows of one series in the order in which they came.

    `name` is the file's path below the root that was asked for. `times` (seconds since 1970) and
    `values` (NaN where there is none) have one entry for each row; `text` has the rows as they
    came, `timestamp,value` with a line feed between, because strings of their own would take
    ten times the memory. `windows` are the labels, None where nobody has labelled.
    """

    name: PurePosixPath
    times: FloatArray
    values: FloatArray
    text: str
    windows: tuple[Window, ...] | None = None

    def rows(self) -> Sequence[str]:
        """Return the text of each row, without its line feed."""
        return self.text.split("\n") if self.text else []
