"""The command `plan`, and what `check` says of runbooks."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from receiver.__main__ import main
from receiver.intake.webhook import parse
from receiver.responses.privileges import lines
from receiver.store.records import Decision
from receiver.store.store import Store
from tests.receiver.responses.kit import command, runbook
from tests.receiver.webhooks import alert, body, webhook

SUDO = ("/usr/bin/sudo", "-n")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path))
    made = str(tmp_path / "made")
    book = {
        "name": "mend",
        "match": ['alertname="Down"'],
        "mode": "auto",
        "steps": [
            {"action": "command", "argv": ["/usr/bin/touch", made + "-${target}"]},
            {"action": "command", "argv": [*SUDO, "/usr/bin/systemctl", "restart", "web"]},
        ],
        "guard": {"targets": [r"web-\d+"]},
        "rollback": [{"action": "command", "argv": ["/usr/bin/rm", made]}],
    }
    (tmp_path / "mend.yml").write_text(yaml.safe_dump(book))
    path = tmp_path / "receiver.yml"
    path.write_text(yaml.safe_dump({"runbooks": ["mend.yml"], "responses": {"allow_root": True}}))
    return str(path)


def run(*arguments: str) -> int:
    return main(["plan", *arguments])


def test_a_payload_s_plan_names_each_step_and_guard_and_does_nothing(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = tmp_path / "told.json"
    told.write_bytes(body([alert("web-1"), alert("db-1")]))
    assert run("--config", file, "--payload", str(told)) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[:11] == [
        "mend on web-1, for Down: mode approve, it would ask people, not_promoted",
        f"  1. command: /usr/bin/touch {tmp_path}/made-web-1",
        "  2. command: /usr/bin/sudo -n /usr/bin/systemctl restart web",
        "  verify: what fired no longer does",
        f"  take back: command: /usr/bin/rm {tmp_path}/made",
        *(f"  guard {name}: ok" for name in ("stops", "target", "past", "blast")),
        "  guard approval: not_promoted",
        "  guard room: ok",
    ]
    assert said[11].startswith("mend on db-1, for Down: mode approve, it would refuse")
    assert "  guard target: target_not_allowed: 'db-1' is not among guard.targets" in said[12:]
    assert [*tmp_path.glob("made*")] == []


def test_a_stored_incident_is_planned_by_what_the_store_knows(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fill() -> None:
        store = await Store.open(tmp_path / "tocsin.db", parse)
        await store.accept(webhook([alert("web-1")]), lambda _: Decision(("inbox",)))
        await store.close()

    asyncio.run(fill())
    monkeypatch.setenv("TOCSIN_STOP_RESPONSES", "1")
    assert run("--config", file, "--incident", "1") == 0
    said = capsys.readouterr().out
    assert "it would wait, kill_switch: the environment has TOCSIN_STOP_RESPONSES" in said
    assert run("--config", file, "--incident", "7") == 2
    assert "no 7 is stored" in capsys.readouterr().err


def test_nothing_is_said_to_be_set_off_where_no_runbook_matches(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = tmp_path / "told.json"
    told.write_bytes(body([alert("web-1", alertname="Other")]))
    assert run("--config", file, "--payload", str(told)) == 0
    assert "nothing is set off" in capsys.readouterr().out


def test_check_names_each_runbook_s_mode_and_what_sudo_must_allow(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--config", file]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == [
        "runbook mend: auto",
        "  sudoers: tocsin-receiver ALL=(root) NOPASSWD: /usr/bin/systemctl restart web",
    ]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("/usr/bin/id",), '/usr/bin/id ""'),
        (("/usr/bin/systemctl", "restart", "web@1"), "/usr/bin/systemctl restart web@1"),
        (("/usr/bin/find", "*"), r"/usr/bin/find ^\*$"),
        (
            ("/usr/bin/systemctl", "restart", "web@${target}.service"),
            r"/usr/bin/systemctl ^restart web@[A-Za-z0-9_/][A-Za-z0-9_./@%+-]*\.service$",
        ),
    ],
)
def test_a_line_of_sudoers_allows_exactly_the_command(argv: tuple[str, ...], said: str) -> None:
    step: dict[str, Any] = command(*SUDO, *argv)
    (line,) = lines(runbook(step, step, command("/usr/bin/true")), "web")
    assert line == f"web ALL=(root) NOPASSWD: {said}"
