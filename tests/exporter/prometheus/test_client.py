import base64
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from exporter.prometheus.client import Prometheus, QueryError
from exporter.prometheus.connection import Connection
from tests.fakes.certs import Certificates
from tests.fakes.prometheus import FakePrometheus

PLENTY = 10_000


@pytest.fixture
async def prometheus() -> AsyncIterator[FakePrometheus]:
    async with FakePrometheus() as fake:
        fake.says("up", ({"a": "1"}, 1))
        yield fake


def client(folder: Path, url: str, **keys: Any) -> Prometheus:
    context = {"folder": folder}
    return Prometheus(Connection.model_validate({"url": url, **keys}, context=context))


async def asked(fake: FakePrometheus, folder: Path, **keys: Any) -> Any:
    await client(folder, fake.base + "/prefix/", **keys).query("up", PLENTY)
    return fake.seen[-1]


async def test_the_expression_is_posted_with_the_deadline(
    prometheus: FakePrometheus, tmp_path: Path
) -> None:
    request = await asked(prometheus, tmp_path, deadline="2500ms")
    assert (request.method, request.path) == ("POST", "/prefix/api/v1/query")
    assert prometheus.asked == [{"query": "up", "timeout": "2.5"}]
    assert "Authorization" not in request.headers


async def test_a_token_and_a_tenant_are_sent(prometheus: FakePrometheus, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n", "utf-8")
    request = await asked(
        prometheus,
        tmp_path,
        authorization={"token_file": "token"},
        headers={"X-Scope-OrgID": "team-a"},
    )
    assert request.headers["Authorization"] == "Bearer s3cret"
    assert request.headers["X-Scope-OrgID"] == "team-a"


async def test_a_user_and_a_password_are_sent(prometheus: FakePrometheus, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("pässword", "utf-8")
    login = {"username": "me", "password_file": "password"}
    request = await asked(prometheus, tmp_path, authorization=login)
    scheme, _, coded = request.headers["Authorization"].partition(" ")
    assert (scheme, base64.b64decode(coded).decode()) == ("Basic", "me:pässword")


async def test_nobody_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="Cannot connect") as caught:
        await client(tmp_path, "http://127.0.0.1:1").query("up", PLENTY)
    assert caught.value.reason == "prometheus_error"


async def test_a_server_that_gave_up_in_time_is_late(
    prometheus: FakePrometheus, tmp_path: Path
) -> None:
    prometheus.error = (503, "timeout", "query timed out")
    with pytest.raises(QueryError, match="HTTP 503: query timed out") as caught:
        await client(tmp_path, prometheus.base).query("up", PLENTY)
    assert caught.value.reason == "prometheus_late"


@pytest.fixture
async def secure(certificates: Certificates) -> AsyncIterator[FakePrometheus]:
    async with FakePrometheus(tls=certificates.server_context()) as fake:
        fake.says("up", ({"a": "1"}, 1))
        yield fake


@pytest.mark.parametrize(
    "tls",
    [
        {"ca_file": "CA"},
        {"insecure_skip_verify": True},
        {"ca_file": "CA", "server_name": "localhost"},
    ],
)
async def test_a_server_whom_we_trust_is_asked(
    secure: FakePrometheus, certificates: Certificates, tls: dict[str, Any]
) -> None:
    tls = {key: certificates.authority.name if v == "CA" else v for key, v in tls.items()}
    folder = certificates.authority.parent
    assert b"success" in await client(folder, secure.base, tls=tls).query("up", PLENTY)


@pytest.mark.parametrize("tls", [{}, {"ca_file": "ca.pem", "server_name": "other.example"}])
async def test_a_server_whom_we_do_not_trust_is_told_nothing(
    secure: FakePrometheus, certificates: Certificates, tls: dict[str, Any]
) -> None:
    one = client(certificates.authority.parent, secure.base, tls=tls)
    with pytest.raises(QueryError, match="certificate verify failed"):
        await one.query("up", PLENTY)
    assert secure.seen == []


async def test_a_certificate_of_our_own_is_shown(certificates: Certificates) -> None:
    context = certificates.server_context()
    context.load_verify_locations(certificates.authority)
    context.verify_mode = ssl.CERT_REQUIRED
    ours = {
        "ca_file": certificates.authority.name,
        "cert_file": certificates.certificate.name,
        "key_file": certificates.key.name,
    }
    folder = certificates.authority.parent
    async with FakePrometheus(tls=context) as fake:
        fake.says("up", ({}, 1))
        assert b"success" in await client(folder, fake.base, tls=ours).query("up", PLENTY)
        nobody = client(folder, fake.base, tls={"ca_file": certificates.authority.name})
        with pytest.raises(QueryError):
            await nobody.query("up", PLENTY)


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"url": "127.0.0.1:9090"}, "write it like http://127.0.0.1:9090"),
        ({"url": "http://me:word@a"}, "use `authorization`"),
        ({"url": "http://a/?x=1"}, "belongs to no base address"),
        ({"authorization": {}}, "give either token_file, or username and password_file"),
        ({"authorization": {"username": "me"}}, "give either"),
        ({"tls": {"cert_file": "a"}}, "give both"),
        ({"tls": {"ca_file": "nowhere.pem"}}, "No such file"),
    ],
)
def test_what_cannot_work_is_refused_with_the_remedy(keys: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Connection.model_validate({"url": "http://a", **keys})
