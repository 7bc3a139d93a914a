"""Whether the user's own templates can write whatever comes: each is tried on every sample."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import product
from pathlib import Path

from receiver.channels.contract import Format
from receiver.messages.custody import NOBODY, Custody
from receiver.messages.folder import read
from receiver.messages.library import (
    BUILT_IN,
    DIGEST_FILES,
    Templates,
    files_of,
    formats_of,
    put_in_place,
)
from receiver.messages.noting import noting
from receiver.messages.parsing import objections
from receiver.messages.render import Failure, Style
from receiver.messages.samples import BACKGROUNDS, CUSTODY, DIGESTS, NOW, SAMPLES
from receiver.messages.writing import write
from receiver.model import UNKNOWN, Background, ConfigError, Language, Notification

_REMEDIES = {
    "UndefinedError": "README, Templates, says what there is; label(NAME) is never undefined",
    "SecurityError": "a template reads what there is, and calls filters only",
    "TemplateNotFound": "include what is called as a built-in one, or builtin/ and its name",
}
_REMEDY = "ask with `if` before you use it, or try a filter"
_UNDEFINED = {"UndefinedError", "SecurityError"}
_NAMED = 2
"""Samples that are named of all on which a template fails."""


def load(folder: Path | None) -> Templates:
    """Read the templates of a folder; the built-in ones stand for all that it has not.

    Raises ConfigError with a line for every mistake in every file.
    """
    if folder is None:
        return BUILT_IN
    own, problems = read(folder)
    for key in list(own):
        said = [*objections(own, key)]
        problems += said
        if said:  # the others are tried all the same, with the built-in one in its place
            del own[key]
    templates = put_in_place(own, folder)
    if problems := [*problems, *check(templates)]:
        raise ConfigError(problems)
    return templates


def check(templates: Templates) -> Iterator[str]:
    """Yield `file: line: what is wrong; remedy` for all that fails of the user's templates."""
    inspector = Inspector(templates)
    failed: dict[tuple[str, int, str], tuple[Failure, list[str]]] = {}
    for language, format_, sample in dict.fromkeys(_concerned(templates)):
        style = Style(format_, language, "Asia/Shanghai", "https://tocsin.example.com")
        background = BACKGROUNDS.get(sample, UNKNOWN)
        for failure in inspector.failures(SAMPLES[sample], style, NOW, background, CUSTODY):
            _, samples = failed.setdefault(_mistake(failure), (failure, []))
            samples += [] if sample in samples else [sample]
    for failure, samples in failed.values():
        yield f"{failure} ({_on(samples)}); {_remedy(failure)}"


class Inspector:
    """Writes messages only to see what fails, and goes on after what is undefined."""

    def __init__(self, templates: Templates) -> None:
        self._noted: list[Failure] = []
        own, folder = templates.own, templates.folder
        self._templates = put_in_place(own, folder, noting(self._noted.append))

    def failures(
        self,
        told: Sequence[Notification],
        style: Style,
        now: datetime,
        background: Background = UNKNOWN,
        custody: Custody = NOBODY,
    ) -> Iterable[Failure]:
        """Return all that fails in one message, each once.

        What fails where something was undefined is left out: it fails because of that.
        """
        self._noted.clear()
        raised = write(told, style, self._templates, now, background, custody).failures
        places = {(each.path, each.line) for each in self._noted}
        others = (each for each in raised if (each.path, each.line) not in places)
        return dict.fromkeys([*self._noted, *others])


def _concerned(templates: Templates) -> Iterator[tuple[Language, Format, str]]:
    """Yield what must be written so that every template of the user's own is."""
    for language, name in templates.own:
        digests = files_of(name) is DIGEST_FILES
        samples = [sample for sample in SAMPLES if (sample in DIGESTS) is digests]
        yield from ((language, *each) for each in product(formats_of(name), samples))


def _mistake(failure: Failure) -> tuple[str, int, str]:
    """Return what is the same on every sample: what is raised may name what is in it."""
    kind = failure.why.partition(":")[0]
    return failure.path, failure.line, failure.why if kind in _UNDEFINED else kind


def _on(samples: Sequence[str]) -> str:
    """Say on which samples it fails, the first of them by name."""
    named = ", ".join(map(repr, samples[:_NAMED]))
    more = f" and {len(samples) - _NAMED} more" if len(samples) > _NAMED else ""
    return f"on the sample{'s' * (len(samples) > 1)} {named}{more}"


def _remedy(failure: Failure) -> str:
    return _REMEDIES.get(failure.why.partition(":")[0], _REMEDY)
