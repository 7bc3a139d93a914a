"""The unit of an expression, as far as the names in it tell (pure).

https://prometheus.io/docs/practices/naming/#base-units
"""

import re
from itertools import pairwise

_QUOTED = re.compile(r"""\{[^{}]*\}|\[[^][]*\]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`""")
_LISTED = re.compile(r"\b(?:by|without|on|ignoring)\s*\([^()]*\)", re.IGNORECASE)
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
    """Return the unit of what has one metric and no arithmetic; empty where it is not clear."""
    bare = _LISTED.sub(" ", _QUOTED.sub(" ", expression))
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
