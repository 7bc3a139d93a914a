import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from receiver import config
from receiver.config import Config
from receiver.doctor.finding import Level
from receiver.doctor.upstream import read

SHIPPED = yaml.safe_load((Path(__file__).parents[3] / "deploy/alertmanager.yml").read_text())


@pytest.fixture
def settings(tmp_path: Path) -> Config:
    (tmp_path / "token").write_text("0123456789abcdef")
    document = {
        "alertmanager": {"url": "http://127.0.0.1:9093"},
        "tokens": [{"name": "am", "scope": "ingest", "file": "token"}],
    }
    return config.decode(document, tmp_path / "receiver.yml")


def said(document: Any, settings: Config) -> list[str]:
    return [f"{f.level} {f.said}" for f in read(document, settings) if f.level is not Level.OK]


def changed(**hook: Any) -> Any:
    document = copy.deepcopy(SHIPPED)
    document["receivers"][0]["webhook_configs"][0].update(hook)
    return document


def test_the_shipped_configuration_has_nothing_to_object_to(settings: Config) -> None:
    assert said(SHIPPED, settings) == []


def test_addresses_that_alertmanager_masks_may_be_ours(settings: Config) -> None:
    document = changed(url="<secret>")
    document["receivers"][1]["webhook_configs"][0]["url"] = "<secret>"
    assert said(document, settings) == []
    assert any("masks addresses" in f.said for f in read(document, settings))


@pytest.mark.parametrize(
    ("hook", "objection"),
    [
        ({"send_resolved": False}, "warn tocsin: send_resolved is off"),
        ({"max_alerts": 0}, "warn tocsin: max_alerts is not set"),
        ({"http_config": {}}, "FAIL tocsin: shows no token"),
    ],
)
def test_a_webhook_that_loses_something_is_named(
    hook: dict[str, Any], objection: str, settings: Config
) -> None:
    (line,) = said(changed(**hook), settings)
    assert line.startswith(objection)


def test_a_configuration_that_sends_nothing_here_is_a_failure(settings: Config) -> None:
    elsewhere = {"receivers": [{"name": "x", "webhook_configs": [{"url": "http://other/"}]}]}
    assert said(elsewhere, settings)[0].startswith("FAIL no receiver has a webhook")
    unrouted = changed()
    unrouted["route"] = {"receiver": "nobody"}
    assert said(unrouted, settings)[0].startswith("FAIL no route leads to")


def test_a_watchdog_that_comes_too_seldom_or_by_no_route_is_named(settings: Config) -> None:
    seldom = copy.deepcopy(SHIPPED)
    seldom["route"]["routes"][0]["repeat_interval"] = "1h"
    assert said(seldom, settings) == ["FAIL Watchdog comes every 3600 s, and watchdog is 300 s"]
    none = copy.deepcopy(SHIPPED)
    del none["route"]["routes"][0]
    assert any("no route of its own for Watchdog" in line for line in said(none, settings))


def test_a_group_interval_as_long_as_the_patience_is_named(settings: Config) -> None:
    slow = copy.deepcopy(SHIPPED)
    slow["route"]["group_interval"] = "20m"
    assert any("group_interval" in line for line in said(slow, settings))
