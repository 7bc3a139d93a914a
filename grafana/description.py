"""What a dashboard's description may say; each NAME.yml in this folder is one."""

from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

Kind = Literal["timeseries", "stat", "table", "state-timeline"]
Thresholds = tuple[tuple[float | None, str], ...]


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression of a panel; `style` names how its series are drawn."""

    expr: str
    legend: str = ""
    style: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `empty` is shown instead of nothing; `limits` are (from, colour) steps."""

    title: str
    description: str
    unit: str
    empty: str
    queries: tuple[Query, ...]
    kind: Kind = "timeseries"
    limits: Thresholds = ((None, "green"),)
    width: int = 8
    height: int = 8
    range: tuple[float | None, float | None] = (None, None)
    bars: bool = False
    values: dict[int, tuple[str, str]] = field(default_factory=dict)
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A whole dashboard: variables as name to (label, query, whether many may be chosen)."""

    uid: str
    version: int
    title: str
    description: str
    variables: dict[str, tuple[str, str, bool]]
    rows: dict[str, tuple[Panel, ...]]


def read(text: str) -> Dashboard:
    """Read a description; an unknown or a missing key is a TypeError that names it."""
    document = yaml.safe_load(text)
    rows = {title: tuple(map(_panel, panels)) for title, panels in document.pop("rows").items()}
    return Dashboard(rows=rows, **document)


def _panel(item: dict[str, Any]) -> Panel:
    queries = tuple(Query(**query) for query in item.pop("queries"))
    return Panel(queries=queries, **item)
