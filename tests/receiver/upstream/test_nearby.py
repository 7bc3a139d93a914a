"""Only what is on this machine or in its private network may be told to reload."""

from pathlib import Path

import pytest
from aiohttp import ThreadedResolver
from pydantic import ValidationError

from receiver.upstream.nearby import NearResolver, is_near
from receiver.upstream.prometheus import Prometheus


@pytest.mark.parametrize(
    ("host", "near"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("10.1.2.3", True),
        ("172.31.0.1", True),
        ("192.168.0.1", True),
        ("fd00::1", True),
        ("::ffff:10.0.0.1", True),
        ("prometheus", True),  # until it is looked up
        ("172.32.0.1", False),
        ("8.8.8.8", False),
        ("::ffff:8.8.8.8", False),
        ("0.0.0.0", False),
        ("169.254.169.254", False),
        ("2001:4860:4860::8888", False),
    ],
)
def test_an_address_is_near_or_not(host: str, near: bool) -> None:  # noqa: FBT001 -- a case
    assert is_near(host) is near


async def test_a_name_leads_to_private_addresses_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ["8.8.8.8", "10.0.0.7"]

    async def resolve(*_: object) -> list[dict[str, str]]:
        return [{"host": host} for host in found]

    monkeypatch.setattr(ThreadedResolver, "resolve", resolve)
    assert [each["host"] for each in await NearResolver().resolve("prometheus")] == ["10.0.0.7"]
    found.pop()
    with pytest.raises(OSError, match="private network"):
        await NearResolver().resolve("prometheus")


@pytest.mark.parametrize(
    ("url", "file", "said"),
    [
        ("http://8.8.8.8:9090", "managed.yml", "must be this machine's or private"),
        ("http://127.0.0.1:9090", "managed.json", "ends with .yml"),
    ],
)
def test_settings_that_cannot_be_are_refused(url: str, file: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Prometheus.model_validate({"url": url, "rules_file": file})


def test_the_file_is_where_the_settings_are(tmp_path: Path) -> None:
    keys = {"url": "http://127.0.0.1:9090", "rules_file": "rules/managed.yml"}
    told = Prometheus.model_validate(keys, context={"folder": tmp_path})
    assert told.rules_file == tmp_path / "rules/managed.yml"
