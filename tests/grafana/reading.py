"""Reads dashboards, and the expressions in them with Grafana's variables filled in."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "grafana"
DASHBOARDS: list[dict[str, Any]] = [
    json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))
]
_FILLED = {"$__rate_interval": "1m", "$__range": "1h", "$__interval": "15s"}


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every panel that shows something, those of folded rows too."""
    for panel in dashboard["panels"]:
        yield from panel.get("panels", ())
        if panel["type"] not in {"row", "text"}:
            yield panel


def targets(dashboard: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (panel's title, target)."""
    for panel in panels(dashboard):
        for target in panel["targets"]:
            yield panel["title"], target


def fill(expr: str) -> str:
    """Put values in the place of Grafana's variables; a chosen one matches everything."""
    for name, value in _FILLED.items():
        expr = expr.replace(name, value)
    return re.sub(r"\$\w+", ".*", expr)


def expressions(dashboard: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (where, PromQL) for all targets, annotations and variables."""
    for title, target in targets(dashboard):
        yield title, fill(target["expr"])
    for annotation in dashboard["annotations"]["list"]:
        yield annotation["name"], fill(annotation["expr"])
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            found = re.fullmatch(r"label_values\((.*), \w+\)", variable["query"]["query"])
            assert found, variable["query"]
            yield variable["name"], fill(found[1])
