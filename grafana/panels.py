"""Panels in the words of Grafana's classic JSON."""

import string
from collections.abc import Iterable, Iterator
from typing import Any

from grafana.description import Panel

COLUMNS = 24

Json = dict[str, Any]

# Never a fixed one: file provisioning does not resolve __inputs, so a variable picks it.
DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}


def place(rows: Iterable[tuple[str, tuple[Panel, ...]]]) -> Iterator[Json]:
    """Place rows of panels from left to right, row under row."""
    number = y = 0
    for title, panels in rows:
        x, tallest, number = 0, 0, number + 1
        yield {"id": number, "type": "row", "title": title, "panels": [], "collapsed": False} | {
            "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1}
        }
        y += 1
        for panel in panels:
            if x + panel.width > COLUMNS:
                x, y, tallest = 0, y + tallest, 0
            number += 1
            spot = {"x": x, "y": y, "w": panel.width, "h": panel.height}
            yield {"id": number, "gridPos": spot, **_body(panel)}
            x, tallest = x + panel.width, max(tallest, panel.height)
        y += tallest


def _body(panel: Panel) -> Json:
    body = {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "targets": list(_targets(panel)),
        "fieldConfig": {"defaults": _defaults(panel), "overrides": list(_overrides(panel))},
        "options": _OPTIONS[panel.kind],
    }
    if panel.columns:
        body["transformations"] = list(_only(panel.columns))
    return body


def _targets(panel: Panel) -> Iterator[Json]:
    instant = panel.kind in {"stat", "table"}
    for letter, query in zip(string.ascii_uppercase, panel.queries, strict=False):
        yield {
            "refId": letter,
            "datasource": DATASOURCE,
            "expr": " ".join(query.expr.split()),
            "legendFormat": query.legend or "__auto",
            "instant": instant,
            "range": not instant,
            "format": "table" if panel.kind == "table" else "time_series",
        }


def _defaults(panel: Panel) -> Json:
    low, high = panel.range
    bounds = {"min": low, "max": high}
    return {
        "unit": panel.unit,
        "noValue": panel.empty,
        "thresholds": {
            "mode": "absolute",
            "steps": [{"value": value, "color": color} for value, color in panel.limits],
        },
        "color": {"mode": _COLORS[panel.kind]},
        "mappings": [_mapping(panel.values)] if panel.values else [],
        "custom": _custom(panel),
        **{name: value for name, value in bounds.items() if value is not None},
    }


def _custom(panel: Panel) -> Json:
    if panel.kind == "state-timeline":
        return {"fillOpacity": 80, "lineWidth": 0}
    if panel.kind != "timeseries":
        return {}
    return {
        "drawStyle": "bars" if panel.bars else "line",
        "fillOpacity": 60 if panel.bars else 0,
        "lineWidth": 1,
        "showPoints": "never",
        "stacking": {"mode": "normal" if panel.bars else "none", "group": "A"},
        "thresholdsStyle": {"mode": "dashed" if len(panel.limits) > 1 else "off"},
    }


def _mapping(values: dict[int, tuple[str, str]]) -> Json:
    options = {str(v): {"text": text, "color": color} for v, (text, color) in values.items()}
    return {"type": "value", "options": options}


def _overrides(panel: Panel) -> Iterator[Json]:
    for letter, query in zip(string.ascii_uppercase, panel.queries, strict=False):
        if query.style:
            properties = [{"id": i, "value": v} for i, v in _STYLES[query.style].items()]
            yield {"matcher": {"id": "byFrameRefID", "options": letter}, "properties": properties}


def _only(columns: tuple[str, ...]) -> Iterator[Json]:
    """Show these labels as the columns of a table, in this order."""
    order = {name: place for place, name in enumerate(columns)}
    yield {"id": "filterFieldsByName", "options": {"include": {"names": list(columns)}}}
    yield {"id": "organize", "options": {"indexByName": order}}


_COLORS = {
    "timeseries": "palette-classic",
    "stat": "thresholds",
    "table": "thresholds",
    "state-timeline": "thresholds",
}
_OPTIONS: dict[str, Json] = {
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {
        "colorMode": "value",
        "graphMode": "none",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    },
    "table": {"showHeader": True, "cellHeight": "sm"},
    "state-timeline": {
        "mergeValues": True,
        "showValue": "never",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
    },
}
_QUIET = {"color": {"mode": "fixed", "fixedColor": "blue"}, "custom.lineWidth": 0}
# The band is filled from the series named `upper` down to the one named `lower`.
_STYLES: dict[str, Json] = {
    "expected": {
        "color": {"mode": "fixed", "fixedColor": "blue"},
        "custom.lineStyle": {"fill": "dash", "dash": [6, 6]},
    },
    "upper": {**_QUIET, "custom.fillBelowTo": "lower", "custom.fillOpacity": 15},
    "lower": _QUIET,
    "below zero": {"custom.transform": "negative-Y"},
}
