"""Whether the user's own templates can write whatever comes: each is tried on every sample."""

from collections.abc import Iterator
from itertools import product

from receiver.channels.contract import Format
from receiver.messages.library import Templates, formats_of
from receiver.messages.render import Failure, Style
from receiver.messages.samples import BACKGROUNDS, CUSTODY, NOW, SAMPLES
from receiver.messages.writing import write
from receiver.model import UNKNOWN, Language

_REMEDIES = {
    "UndefinedError": "README, Templates, says what there is; label(NAME) is never undefined",
    "SecurityError": "a template reads what there is, and calls filters only",
    "TemplateNotFound": "include what is called as a built-in one, or builtin/ and its name",
}
_REMEDY = "ask with `if` before you use it, or try a filter"


def check(templates: Templates) -> Iterator[str]:
    """Yield `file: line: what is wrong` once for each of the user's templates that fails."""
    said: set[str] = set()
    for (language, format_), sample in product(sorted({*_concerned(templates)}), SAMPLES):
        style = Style(format_, language, "Asia/Shanghai", "https://tocsin.example.com")
        background = BACKGROUNDS.get(sample, UNKNOWN)
        told = SAMPLES[sample]
        for failure in write(told, style, templates, NOW, background, CUSTODY).failures:
            if failure.name not in said:
                said.add(failure.name)
                yield f"{failure} (on the sample {sample!r}); {_remedy(failure)}"


def _concerned(templates: Templates) -> Iterator[tuple[Language, Format]]:
    """Yield what must be written so that every template of the user's own is."""
    for language, name in templates.own:
        yield from ((language, format_) for format_ in formats_of(name))


def _remedy(failure: Failure) -> str:
    return _REMEDIES.get(failure.why.partition(":")[0], _REMEDY)
