"""The unit of an expression, as far as the names in it tell (pure).

https://prometheus.io/docs/practices/naming/#base-units
"""

import re
from collections.abc import Iterator
from itertools import pairwise

_QUOTED = re.compile(r"""\{[^{}]*\}|\[[^][]*\]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`""")
_LISTED = re.compile(
    r"\b(?:(?:by|without|on|ignoring)\s*\([^()]*\)|group_(?:left|right)\b(?:\s*\([^()]*\))?)",
    re.IGNORECASE,
)
_STEP = re.compile(r"[\d.]+(?:[eE][-+]?\d+)?|[-+*/%^()]")
_CALL = re.compile(r"([a-zA-Z_]\w*)\s*\(")
_NAME = re.compile(r"[a-zA-Z_:][\w:]*")
_ARITHMETIC = re.compile(r"[-+*/%^]|\b(?:atan2|offset)\b")
_PER_SECOND = {"rate", "irate", "deriv"}
_KEEPING = _PER_SECOND | {
    *("sum", "avg", "min", "max", "topk", "bottomk", "quantile", "histogram_quantile"),
    *("abs", "ceil", "floor", "round", "clamp", "clamp_min", "clamp_max", "delta", "increase"),
    *("avg_over_time", "min_over_time", "max_over_time", "last_over_time", "quantile_over_time"),
    *("sum_over_time", "label_replace", "label_join", "sort", "sort_desc", "idelta"),
}
"""Functions whose result has the unit of their argument, or that per second."""
_SHARES = ("ratio", "utilisation", "utilization")
_UNITS = {each: each for each in ("percent", "seconds", "bytes", "celsius")}
_UNITS |= dict.fromkeys(_SHARES, "ratio")
"""Words of a name, by what they say of its unit."""


def unit_of(expression: str) -> str:
    """Return the unit of a metric, of a share of two, or of a time since; empty if not clear."""
    return _unit(_LISTED.sub(" ", _QUOTED.sub(" ", expression)))


def _unit(text: str) -> str:
    bare = text.strip()
    while bare.startswith("(") and not any(depth == 0 for _, depth in _steps(bare[:-1])):
        bare = bare[1:-1].strip()
    signs = [found for found, depth in _steps(bare) if depth == 0 and found[0] in "+-*/%^"]
    if not signs:
        return _unit_of_metric(bare)
    sign = next((each for each in reversed(signs) if each[0] in "+-"), signs[-1])
    return _combined(bare[: sign.start()].strip(), sign[0], bare[sign.end() :].strip())


def _steps(text: str) -> Iterator[tuple[re.Match[str], int]]:
    """Yield each number, sign and bracket with how many brackets are open after it."""
    depth = 0
    for found in _STEP.finditer(text):
        depth += (found[0] == "(") - (found[0] == ")")
        yield found, depth


def _combined(left: str, sign: str, right: str) -> str:
    """Return the unit of a calculation: the usual ones, each as people write it."""
    if sign == "*" and "100" in {left, right}:
        return "percent" if _unit(right if left == "100" else left) == "ratio" else ""
    if sign == "-" and re.fullmatch(r"time\s*\(\s*\)|1", left):
        wanted = "ratio" if left == "1" else "seconds"
        return wanted if _unit(right) == wanted else ""
    unit = _unit(left)
    if not unit or unit != _unit(right) or sign not in "+-/":
        return ""
    return "ratio" if sign == "/" else unit


def _unit_of_metric(bare: str) -> str:
    functions = {name.lower() for name in _CALL.findall(bare)}
    metrics = {
        found[0]
        for found in _NAME.finditer(bare)
        if not bare[found.end() :].lstrip().startswith("(")
    }
    if len(metrics) != 1 or functions - _KEEPING or _ARITHMETIC.search(bare):
        return ""
    words = re.split(r"[:_]", metrics.pop())
    unit = next((_UNITS[word] for word in words if word in _UNITS), "")
    rated = bool(functions & _PER_SECOND) or any(map(_says_rate, pairwise([*words, ""])))
    if unit in {"ratio", "percent"} or not rated or "histogram_quantile" in functions:
        return unit
    return "bytes/s" if unit == "bytes" else ""


def _says_rate(words: tuple[str, str]) -> bool:
    """Whether two words on end, as of `bytes_per_second` or `bytes:rate5m`, say that it is one."""
    return words[0].startswith("rate") or words == ("per", "second")
