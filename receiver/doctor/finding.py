"""What a check found."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is: a failure keeps messages from arriving, or secrets from being kept."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, and what is to be said about it."""

    level: Level
    subject: str
    said: str

    def __str__(self) -> str:
        return f"{self.level:<5} {self.subject}: {self.said}"


def ok(subject: str, said: str) -> Finding:
    """Return that all is well."""
    return Finding(Level.OK, subject, said)


def warn(subject: str, said: str) -> Finding:
    """Return that something is doubtful."""
    return Finding(Level.WARN, subject, said)


def fail(subject: str, said: str) -> Finding:
    """Return that something is wrong."""
    return Finding(Level.FAIL, subject, said)
