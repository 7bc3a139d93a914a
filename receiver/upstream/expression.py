"""What an alerting rule compares with what, read from its expression (pure).

A reader of tokens, not of PromQL: it knows strings, comments and brackets, finds the operators
that stand outside all of them, and gives up on what it does not understand.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)|(?P<comment>\#[^\n]*)"""
    r"""|(?P<open>[({[])|(?P<close>[)}\]])|(?P<word>[a-zA-Z_:][\w:]*)"""
    r"""|(?P<mark>==|!=|>=|<=|>|<)|(?P<broken>["'`])""",
    re.DOTALL,
)
_PAIRS = {")": "(", "}": "{", "]": "["}
_MATCHING = re.compile(r"\s*(?:on|ignoring|group_left|group_right)\s*\([^()]*\)", re.IGNORECASE)
_FACTOR = r"\s*[-+]?\s*(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*"
_PRODUCT = re.compile(f"{_FACTOR}(?:[*/]{_FACTOR})*")
_TURNED = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}


@dataclass(frozen=True, slots=True)
class Condition:
    """A value, and the limit that it is compared with, where that is a number."""

    value: str
    operator: str = ""
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class _Operator:
    """A word or a mark that stands outside all brackets."""

    name: str
    start: int
    end: int


def conditions(query: str) -> tuple[Condition, ...]:
    """Return what a rule watches: of `a or b` both; nothing where brackets do not match."""
    try:
        return tuple(_conditions(query))
    except ValueError:
        return ()


def _conditions(query: str) -> Iterator[Condition]:
    inner = _unwrap(query)
    operators = list(_outermost(inner))
    start = 0
    branches = [each for each in operators if each.name == "or"]
    if not branches:
        yield _condition(inner, operators)
        return
    for end, following in [*((each.start, each.end) for each in branches), (len(inner), 0)]:
        yield from _conditions(
            _MATCHING.sub("", inner[start:end], count=1) if start else inner[:end]
        )
        start = following


def _condition(query: str, operators: list[_Operator]) -> Condition:
    """Read `value > limit and this unless that`, which has the value's values."""
    for joint in operators:
        if joint.name in {"and", "unless"}:
            return next(_conditions(query[: joint.start]))
    compared = next((each for each in operators if each.name in _TURNED), None)
    if compared is None:
        return Condition(_tidy(query))
    left, right = query[: compared.start], query[compared.end :]
    if re.match(r"\s*bool\b", right, re.IGNORECASE):
        return Condition(_tidy(query))
    if (limit := _number(left)) is not None and _number(right) is None:
        return Condition(_tidy(right), _TURNED[compared.name], limit)
    return Condition(_tidy(left), compared.name, _number(right))


def _outermost(query: str) -> Iterator[_Operator]:
    """Yield the operators outside all brackets; raises ValueError where those do not match."""
    opened: list[str] = []
    for found in _TOKEN.finditer(query):
        if found["open"]:
            opened.append(found["open"])
        elif found["close"]:
            if not opened or opened.pop() != _PAIRS[found["close"]]:
                raise ValueError("a bracket closes nothing")
        elif found["broken"]:
            raise ValueError("a quote is never closed")
        elif not opened and (name := found["mark"] or found["word"]):
            yield _Operator(name.lower(), found.start(), found.end())
    if opened:
        raise ValueError("a bracket is never closed")


def _unwrap(query: str) -> str:
    """Take away brackets round all of it."""
    text = _tidy(query)
    while text.startswith("(") and _closes_at_end(text):
        text = text[1:-1].strip()
    return text


def _closes_at_end(text: str) -> bool:
    depth = 0
    for found in _TOKEN.finditer(text):
        depth += bool(found["open"]) - bool(found["close"])
        if not depth:
            return found.end() == len(text)
    raise ValueError("a bracket is never closed")


def _tidy(query: str) -> str:
    """Take away comments and what is blank at both ends."""
    kept = _TOKEN.sub(lambda found: "" if found["comment"] else found[0], query)
    return kept.strip()


def _number(text: str) -> float | None:
    """Read a number or a product of some, such as 24 * 3600."""
    plain = _unwrap(text).replace(" ", "")
    if not _PRODUCT.fullmatch(plain):
        return None
    first, *rest = re.split(r"(?<=[\d.])([*/])", plain)
    number = float(first)
    for sign, factor in zip(rest[::2], rest[1::2], strict=True):
        if sign == "/" and not float(factor):
            return None
        number = number * float(factor) if sign == "*" else number / float(factor)
    return number
