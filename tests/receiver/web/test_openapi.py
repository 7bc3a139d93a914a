"""The API answers as it is described, whatever is asked of it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import schemathesis
from aiohttp import ClientSession
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from receiver.web.keys import Site
from receiver.web.openapi import PATH, document
from receiver.web.server import application
from tests.e2e.serving import configure, receiver
from tests.receiver.clients import Client
from tests.receiver.webhooks import body

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
SETTINGS = settings(
    max_examples=20,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
ROTA = {
    "timezone": "Europe/Berlin",
    "layers": [{"people": ["ada"], "start": "2026-01-01 09:00", "turn": "1w"}],
}


async def test_the_description_names_every_address_of_the_api(client: Client, site: Site) -> None:
    answer = await client.get(PATH)
    said = await answer.json()
    assert said == document()
    resources = application(site).router.resources()
    served = {each.canonical for each in resources if each.canonical.startswith("/api/")}
    assert served == {*said["paths"], PATH}


async def test_every_operation_answers_as_it_is_described(tmp_path: Path) -> None:
    config = configure(
        tmp_path,
        channels={"inbox": {"type": "inbox"}},
        people={"ada": {"name": "Ada", "roles": ["operate"]}},
        schedules={"ops": ROTA},
    )
    async with receiver(config) as running, ClientSession() as http:
        for group in "ab":
            async with http.post(
                f"{running.url}/webhook/alertmanager",
                data=body(groupKey=group),
                headers={"Content-Type": "application/json"},
            ) as answer:
                assert answer.status == 200
        asked = await asyncio.to_thread(explore, running.url)
    assert asked > 300
    assert not [line for line in running.log if "Traceback" in line]


def explore(url: str) -> int:
    """Ask whatever the description allows; returns how much was asked."""
    asked: list[int] = []
    for operation in operations():

        @SETTINGS
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            response = case.call(base_url=url)
            case.validate_response(response, checks=CHECKS)
            asked.append(response.status_code)

        ask()
    print(f"{len(asked)} questions: ", {status: asked.count(status) for status in sorted({*asked})})
    return len(asked)


def operations() -> Iterator[Any]:
    for found in schemathesis.openapi.from_dict(document()).get_all_operations():
        assert isinstance(found, Ok), found
        if not found.ok().path.endswith("/stream"):  # which does not end; see test_changes
            yield found.ok()
