import argparse
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from receiver import app
from receiver.doctor import command
from receiver.doctor.reach import check_clock
from receiver.intake.webhook import parse
from receiver.store.store import Store
from tests.fakes.alertmanager import FakeAlertmanager
from tests.fakes.certs import Certificates, make
from tests.fakes.dingtalk import FakeDingTalk
from tests.fakes.slack import FakeSlack
from tests.fakes.smtp import FakeSmtp

Doctor = Callable[..., Any]


@pytest.fixture
def doctor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Doctor:
    """Write a configuration with secrets, and run the doctor on it."""
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path / "home"))

    async def run(
        secrets: dict[str, str], *, send: bool = False, **document: Any
    ) -> tuple[int, list[str]]:
        for name, secret in secrets.items():
            (tmp_path / name).write_text(secret)
            (tmp_path / name).chmod(0o600)
        path = tmp_path / "receiver.yml"
        path.write_text(yaml.safe_dump({"listen": "127.0.0.1:1", **document}))
        status = await command.run(argparse.Namespace(config=path, send=send), app.client)
        return status, capsys.readouterr().out.splitlines()

    return run


ROBOT: dict[str, Any] = {"ops": {"type": "dingtalk", "url_file": "url", "secret_file": "secret"}}


async def test_a_healthy_set_up_is_read_line_by_line_and_sends_nothing(
    doctor: Doctor,
    dingtalk: FakeDingTalk,
    slack: FakeSlack,
    smtp: FakeSmtp,
    alertmanager: FakeAlertmanager,
) -> None:
    alertmanager.config = (
        "route: {receiver: tocsin}\nreceivers: [{name: tocsin, webhook_configs:"
        " [{url: 'http://127.0.0.1:9848/webhook/alertmanager', max_alerts: 9}]}]\n"
    )
    hook = {"type": "slack", "url_file": "hook"}
    bot = {"type": "slack", "token_file": "bot", "channel": "#ops", "api_url": slack.api}
    mail = {
        "type": "email",
        "smtp": smtp.url,
        "to": ["a@example.com"],
        "ca_file": str(smtp.certificates.authority),
    }
    status, lines = await doctor(
        {"url": dingtalk.url, "secret": dingtalk.secret, "hook": slack.hook, "bot": slack.token},
        alertmanager={"url": alertmanager.base},
        channels={
            **ROBOT,
            "hook": hook,
            "bot": bot,
            "mail": mail,
            "inbox": {"type": "inbox"},
        },
    )
    assert status == 0, "\n".join(lines)
    assert not [*dingtalk.messages, *slack.messages, *smtp.mails]
    text = "\n".join(lines)
    for word in (
        "token, signature and address are accepted",
        "DNS: 127.0.0.1",
        "version 0.28.1",
        "known to Slack",
        "takes the login",
        "4 files that nobody else may read",
        "1 routes send here",
    ):
        assert word in text
    assert dingtalk.token not in text
    assert dingtalk.secret not in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"secret": "SECanother"}, "auth: the signature does not match"),
        ({"token": "another"}, "auth: the access token is unknown"),
        ({"addresses": ("192.0.2.1",)}, "address: this host's public address"),
    ],
)
async def test_a_robot_that_would_refuse_is_told_apart(
    doctor: Doctor, dingtalk: FakeDingTalk, change: dict[str, Any], said: str
) -> None:
    secrets = {"url": dingtalk.url, "secret": dingtalk.secret}
    for name, value in change.items():
        setattr(dingtalk, name, value)
    status, lines = await doctor(secrets, channels=ROBOT)
    assert status == 1
    assert any(line.startswith("FAIL  channel ops") and said in line for line in lines), lines


async def test_a_keyword_shows_only_when_a_message_is_sent(
    doctor: Doctor, dingtalk: FakeDingTalk
) -> None:
    dingtalk.keywords = ("告警",)
    secrets = {"url": dingtalk.url, "secret": dingtalk.secret}
    assert (await doctor(secrets, channels=ROBOT))[0] == 0
    status, lines = await doctor(secrets, channels=ROBOT, send=True)
    assert status == 1
    assert any("keyword: none of the robot's keywords" in line for line in lines)
    dingtalk.keywords = ("Tocsin",)
    assert (await doctor(secrets, channels=ROBOT, send=True))[0] == 0
    assert len(dingtalk.messages) == 1


async def test_what_is_wrong_on_this_machine_is_named_with_a_remedy(
    doctor: Doctor, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/tocsin.db").write_text("no database" * 1000)
    hook = {"type": "slack", "url_file": "hook"}
    status, lines = await doctor(
        {"hook": "http://host.invalid/services/T0/B0/hidden-part", "short": "abc"},
        channels={"hook": hook},
        tokens=[{"name": "am", "scope": "ingest", "file": "short"}],
        alertmanager={"url": "http://127.0.0.1:1"},
        prometheus={"url": "http://127.0.0.1:1"},
    )
    (tmp_path / "short").chmod(0o644)
    text = "\n".join(lines)
    assert status == 1
    assert "FAIL  channel hook: DNS: host.invalid" in text
    assert "warn  token am: shorter than 16 letters" in text
    assert "FAIL  alertmanager http://127.0.0.1:1" in text
    assert "FAIL  prometheus http://127.0.0.1:1" in text
    assert "FAIL  store" in text
    assert "hidden-part" not in text


async def test_secrets_that_others_may_read_are_named(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "loose").write_text("0123456789abcdef")
    (tmp_path / "loose").chmod(0o644)
    status, lines = await doctor({}, tokens=[{"name": "am", "scope": "ingest", "file": "loose"}])
    assert status == 0
    assert f"warn  {tmp_path / 'loose'}: others may read it (mode 644); chmod 600" in lines


async def test_a_store_that_others_may_read_is_named_unless_its_folder_keeps_them_out(
    doctor: Doctor, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    await (await Store.open(home / "tocsin.db", parse)).close()
    (home / "tocsin.db").chmod(0o644)
    said = f"warn  {home / 'tocsin.db'}: others may read it (mode 644); chmod 600"
    assert said not in (await doctor({}))[1]
    home.chmod(0o755)
    assert said in (await doctor({}))[1]


async def test_our_own_certificate_is_looked_at_before_alertmanager_refuses_it(
    doctor: Doctor, tmp_path: Path, certificates: Certificates
) -> None:
    tls = {"certificate_file": str(certificates.certificate), "key_file": str(certificates.key)}
    status, lines = await doctor({}, tls=tls | {"client_ca_file": str(certificates.authority)})
    assert status == 0
    assert any(line.startswith("warn  listen 127.0.0.1:1: TLS: the cert") for line in lines), lines
    old = make(tmp_path, days=-1)
    tls = {"certificate_file": str(old.certificate), "key_file": str(old.key)}
    status, lines = await doctor({}, tls=tls)
    assert status == 1
    assert any("certificate has expired; get a new one" in line for line in lines), lines


def test_a_clock_that_is_off_is_a_warning_and_then_a_failure() -> None:
    now = datetime.now(UTC)
    levels = [
        [finding.level.value for finding in check_clock("x", now - timedelta(seconds=off), now)]
        for off in (1, 60, -60, 600)
    ]
    assert levels == [[], ["warn"], ["warn"], ["FAIL"]]
    assert check_clock("x", None, now) == []
