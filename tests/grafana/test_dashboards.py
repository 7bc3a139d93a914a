"""The conventions that keep a dashboard from being empty, or from lying, in someone else's Grafana.

After grafana/dashboard-linter's rules, and what people complain of in published dashboards.
"""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import promql_parser
import pytest

from grafana.build import FOLDER, render
from grafana.description import read
from tests.grafana.reading import DASHBOARDS, expressions, panels, targets
from tests.rules.reading import metrics, selectors

Dashboard = dict[str, Any]

pytestmark = pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda d: str(d["uid"]))

# Receivers, Prometheus and Alertmanager serve all hosts: choosing one host must not hide them.
SHARED = re.compile(
    r"ALERTS|process_.*|tocsin_(alerts_received|channel|notification|queue|receiver|watchdog|webhook).*"
)


def variables(dashboard: Dashboard) -> dict[str, Dashboard]:
    return {variable["name"]: variable for variable in dashboard["templating"]["list"]}


def test_it_is_what_its_description_says(dashboard: Dashboard) -> None:
    descriptions = {json.loads(render(path))["uid"]: path for path in FOLDER.glob("*.yml")}
    description: Path = descriptions[dashboard["uid"]]
    assert description.with_suffix(".json").read_text() == render(description), (
        "out of date: python -m grafana.build"
    )


def test_it_loads_in_grafana_11_and_later(dashboard: Dashboard) -> None:
    assert 39 <= dashboard["schemaVersion"] <= 41
    assert re.fullmatch(r"tocsin-[a-z-]{1,33}", dashboard["uid"])
    assert isinstance(dashboard["version"], int)
    assert "id" not in dashboard, "a number belongs to one Grafana"
    assert "__inputs" not in dashboard, "file provisioning does not resolve them"


def test_the_data_source_is_a_variable_and_nothing_is_chosen_for_the_reader(
    dashboard: Dashboard,
) -> None:
    source = variables(dashboard)["datasource"]
    assert (source["type"], source["query"]) == ("datasource", "prometheus")
    assert all("current" not in variable for variable in variables(dashboard).values())
    found = re.findall(r'"uid": "([^"]+)"', json.dumps(dashboard))
    assert set(found) == {dashboard["uid"], "${datasource}"}


def test_job_and_instance_take_many_and_are_filled_on_the_first_open(dashboard: Dashboard) -> None:
    for name in ("job", "instance"):
        variable = variables(dashboard)[name]
        assert variable["multi"]
        assert variable["includeAll"]
        assert variable["refresh"] == 2
    assert 'job=~"$job"' in variables(dashboard)["instance"]["query"]["query"]


def test_every_panel_has_title_description_unit_and_words_for_no_value(
    dashboard: Dashboard,
) -> None:
    for panel in panels(dashboard):
        defaults = panel["fieldConfig"]["defaults"]
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert defaults["unit"], panel["title"]
        assert defaults["noValue"], panel["title"]


def test_titles_are_unique(dashboard: Dashboard) -> None:
    counts = Counter(panel["title"] for panel in panels(dashboard))
    assert counts.most_common(1)[0][1] == 1


def test_every_panel_has_thresholds_and_a_number_at_a_glance_has_colours(
    dashboard: Dashboard,
) -> None:
    for panel in panels(dashboard):
        steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        assert steps[0]["value"] is None, panel["title"]
        assert len(steps) > 1 or panel["type"] in {"timeseries", "table"}, panel["title"]


def test_panels_fill_the_grid_without_overlap(dashboard: Dashboard) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        spot = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(spot["x"], spot["x"] + spot["w"])
            for y in range(spot["y"], spot["y"] + spot["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24, panel["title"]
        taken |= cells


def test_every_expression_parses(dashboard: Dashboard) -> None:
    for _, expr in expressions(dashboard):
        promql_parser.parse(expr)


def test_a_range_is_the_one_that_fits_the_scrape_interval(dashboard: Dashboard) -> None:
    for title, target in targets(dashboard):
        assert set(re.findall(r"\[([^\]]+)\]", target["expr"])) <= {"$__rate_interval"}, title


def test_a_counter_is_never_shown_as_it_stands(dashboard: Dashboard) -> None:
    counter = re.compile(r"_(total|count|sum|bucket)$")
    for title, expr in expressions(dashboard):
        bare = set(metrics(expr)) - {
            match[1] for match in re.finditer(r"(?:rate|increase|count by \([^)]*\) )\((\w+)", expr)
        }
        assert not [name for name in bare if counter.search(name)], title


def test_what_belongs_to_a_host_is_selected_by_job_and_instance(dashboard: Dashboard) -> None:
    for title, target in targets(dashboard):
        if target["expr"] == "min by (job) (up)":
            continue  # the one panel that is about every job
        for selector in selectors(target["expr"].replace("$__rate_interval", "1m")):
            chosen = {str(m.name): m.value for m in selector.matchers.matchers}
            name = selector.name or ""
            if not SHARED.fullmatch(name) and "build_info" not in name:
                assert chosen["job"] == "$job", title
                assert chosen["instance"] == "$instance", title


def test_alerts_are_marked_on_the_time_axis(dashboard: Dashboard) -> None:
    assert any("ALERTS" in one["expr"] for one in dashboard["annotations"]["list"])


def test_a_misspelt_key_of_a_description_is_named(dashboard: Dashboard) -> None:
    description = next(p for p in FOLDER.glob("*.yml") if dashboard["uid"] in p.read_text())
    with pytest.raises(TypeError, match="'emty'"):
        read(description.read_text().replace("empty:", "emty:", 1))
