"""Dashboards from readable descriptions: each NAME.yml beside this file becomes NAME.json.

`python -m grafana.build` writes them; with `--check` it only says which are out of date.
The JSON is Grafana's classic model, which Grafana 11, 12 and 13 load.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from grafana.description import Dashboard, read
from grafana.panels import DATASOURCE, Json, place

FOLDER = Path(__file__).parent
SCHEMA_VERSION = 39  # what Grafana 11 writes; later ones migrate it when they load it


def build(dashboard: Dashboard) -> Json:
    """Make the classic JSON of a dashboard."""
    return {
        "uid": dashboard.uid,
        "version": dashboard.version,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": ["tocsin"],
        "schemaVersion": SCHEMA_VERSION,
        "editable": True,
        "graphTooltip": 1,  # one cross-hair through all panels
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": [_alerts()]},
        "templating": {"list": list(_variables(dashboard))},
        "panels": list(place(dashboard.rows.items())),
    }


def _alerts() -> Json:
    return {
        "name": "Alerts",
        "enable": True,
        "iconColor": "red",
        "datasource": DATASOURCE,
        "expr": 'ALERTS{alertstate="firing", severity!~"none|info", instance=~"$instance|"}',
        "step": "60s",
        "titleFormat": "{{alertname}}",
        "textFormat": "{{instance}} {{severity}}",
    }


def _variables(dashboard: Dashboard) -> Iterator[Json]:
    yield {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
    }
    for name, (label, query, many) in dashboard.variables.items():
        yield {
            "name": name,
            "label": label,
            "type": "query",
            "datasource": DATASOURCE,
            "query": {"query": query, "refId": name},
            "refresh": 2,  # when the time range changes, so that it is filled on the first open
            "sort": 1,
            "multi": many,
            "includeAll": many,  # without an allValue: `.*` would match other jobs' targets too
        }


def render(description: Path) -> str:
    """Return the JSON text that belongs to a description."""
    dashboard = build(read(description.read_text("utf-8")))
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Write, or check, every dashboard; 1 if one was out of date under --check."""
    parser = argparse.ArgumentParser(description="Write the dashboards' JSON.")
    parser.add_argument("--check", action="store_true", help="only say which are out of date")
    check = parser.parse_args().check
    late = []
    for description in sorted(FOLDER.glob("*.yml")):
        target, text = description.with_suffix(".json"), render(description)
        if not target.exists() or target.read_text("utf-8") != text:
            late.append(target.name)
            if not check:
                target.write_text(text, "utf-8")
    print("\n".join(late) or "every dashboard is current")
    return int(check and bool(late))


if __name__ == "__main__":
    sys.exit(main())
