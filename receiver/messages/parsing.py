"""Every mistake in how a template is written, where Jinja by itself would stop at the first."""

from collections.abc import Iterator, Mapping

from jinja2 import Environment, TemplateSyntaxError

from receiver.messages.library import Key, Source, environment_for

_ENDS = {"variable_end": "variable_begin", "block_end": "block_begin"}
_WHOLE = {
    "if": "{{% {} %}}{{% endif %}}",
    "elif": "{{% if 1 %}}{{% {} %}}{{% endif %}}",
    "for": "{{% {} %}}{{% endfor %}}",
    "set": "{{% {} %}}",
}
"""How a statement stands alone; others say nothing wrong that the whole file does not say."""

Mistake = tuple[int, str]
"""A line, and what is wrong in it."""


def objections(own: Mapping[Key, Source], key: Key) -> Iterator[str]:
    """Yield `file: line: what is wrong; remedy` for one of the templates, in the file's order."""
    language, name = key
    env = environment_for(own, language, name)
    found = {*_compile(env, own[key].text)}
    for line, piece in _pieces(env, own[key].text):
        found |= {(line + at - 1, why) for at, why in _compile(env, piece)}
    for line, why in sorted(found):
        yield f"{own[key].path}: line {line}: {why}; see README, Templates"


def _compile(env: Environment, text: str) -> Iterator[Mistake]:
    try:
        env.compile(text)
    except TemplateSyntaxError as error:
        yield error.lineno, str(error.message)


def _pieces(env: Environment, text: str) -> Iterator[tuple[int, str]]:
    """Yield each expression and each statement as a template of its own, with its line.

    It ends where the text cannot be read on, of which the whole is told.
    """
    begun, inner = 0, ""
    try:
        for line, token, value in env.lex(text):
            if token in _ENDS.values():
                begun, inner = line, ""
            elif token in _ENDS:
                yield begun, _alone(token, inner)
            else:
                inner += value
    except TemplateSyntaxError:
        return


def _alone(token: str, inner: str) -> str:
    if token == "variable_end":  # noqa: S105 -- of a template
        return f"{{{{{inner}}}}}"
    word = inner.split(maxsplit=1)[0] if inner.strip() else ""
    return _WHOLE[word].format(inner) if word in _WHOLE else ""
