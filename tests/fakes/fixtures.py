"""The fakes as fixtures, for every test that wants to reach people."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.fakes import certs
from tests.fakes.alertmanager import FakeAlertmanager
from tests.fakes.dingtalk import FakeDingTalk
from tests.fakes.feishu import FakeFeishu
from tests.fakes.pagerduty import FakePagerDuty
from tests.fakes.postgres import Postgres, postgres
from tests.fakes.slack import FakeSlack
from tests.fakes.sms import FakeSms
from tests.fakes.smtp import FakeSmtp
from tests.fakes.teams import FakeTeams
from tests.fakes.telegram import FakeTelegram
from tests.fakes.wecom import FakeWeCom


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


@pytest.fixture
async def dingtalk() -> AsyncIterator[FakeDingTalk]:
    async with FakeDingTalk() as robot:
        yield robot


@pytest.fixture
async def feishu() -> AsyncIterator[FakeFeishu]:
    async with FakeFeishu() as robot:
        yield robot


@pytest.fixture
async def wecom() -> AsyncIterator[FakeWeCom]:
    async with FakeWeCom() as fake:
        yield fake


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as fake:
        yield fake


@pytest.fixture
async def pagerduty() -> AsyncIterator[FakePagerDuty]:
    async with FakePagerDuty() as fake:
        yield fake


@pytest.fixture
async def sms() -> AsyncIterator[FakeSms]:
    async with FakeSms() as fake:
        yield fake


@pytest.fixture
async def teams() -> AsyncIterator[FakeTeams]:
    async with FakeTeams() as fake:
        yield fake


@pytest.fixture
async def alertmanager() -> AsyncIterator[FakeAlertmanager]:
    async with FakeAlertmanager() as server:
        yield server


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack() as workspace:
        yield workspace


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> certs.Certificates:
    return certs.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
async def smtp(certificates: certs.Certificates) -> AsyncIterator[FakeSmtp]:
    async with FakeSmtp(certificates) as server:
        yield server


@pytest.fixture
def secret_file(tmp_path: Path) -> Callable[[str, str], str]:
    """Write a secret into a file of its own; returns the path for the configuration."""

    def write(name: str, secret: str) -> str:
        path = tmp_path / name
        path.write_text(f"{secret}\n")
        return str(path)

    return write


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A PostgreSQL that the tests share, each in a database of its own."""
    with postgres() as server:
        yield server
