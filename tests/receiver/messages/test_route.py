from typing import Any

import pytest
from pydantic import ValidationError

from receiver.messages.route import Route, route

ROUTES = [
    {"match": ['severity="critical"'], "channels": ["ops", "chat", "mail"]},
    {"match": ['severity=~"warning|error"'], "channels": ["ops"]},
    {"channels": ["inbox"]},
]


def routes_of(*documents: dict[str, Any]) -> list[Route]:
    return [Route.model_validate(document) for document in documents]


@pytest.mark.parametrize(
    ("labels", "channels"),
    [
        ({"severity": "critical"}, ("ops", "chat", "mail")),
        ({"severity": "error"}, ("ops",)),
        ({"severity": "critical-ish"}, ("inbox",)),
        ({}, ("inbox",)),
    ],
)
def test_the_first_route_that_matches_wins(
    labels: dict[str, str], channels: tuple[str, ...]
) -> None:
    assert route(routes_of(*ROUTES), labels) == channels


def test_a_route_that_continues_adds_its_channels_without_repeats() -> None:
    routes = routes_of(
        {"match": ['team="db"'], "channels": ["dba", "ops"], "continue": True},
        *ROUTES,
    )
    labels = {"team": "db", "severity": "critical"}
    assert route(routes, labels) == ("dba", "ops", "chat", "mail")


def test_all_matchers_of_a_route_must_match() -> None:
    routes = routes_of({"match": ['a="1"', 'b!="2"'], "channels": ["x"]})
    assert route(routes, {"a": "1"}) == ("x",)
    assert route(routes, {"a": "1", "b": "2"}) == ()


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"channels": []}, "at least 1 item"),
        ({"match": ["severity=critical"], "channels": ["x"]}, "not a matcher"),
        ({"match": ['a=~"("'], "channels": ["x"]}, "not a regular expression"),
        ({"channels": ["x"], "continues": True}, "Extra inputs are not permitted"),
    ],
)
def test_a_bad_route_is_refused(document: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Route.model_validate(document)
