"""The command `schedule`."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from receiver.__main__ import main
from receiver.intake.webhook import parse
from receiver.store.audit import Change
from receiver.store.rota import Stint
from receiver.store.store import Store

OPS = {
    "timezone": "Asia/Shanghai",
    "layers": [{"people": ["ada", "bob"], "start": "2026-01-05 09:00", "only": ["Mon-Sun"]}],
}
PEOPLE = {"ada": {"name": "Ada"}, "bob": {"name": "王庆"}}
SPAN = ["--from", "2026-01-10 00:00", "--until", "2026-01-13"]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path))
    document = {"people": PEOPLE, "schedules": {"ops": OPS}}
    (tmp_path / "receiver.yml").write_text(yaml.safe_dump(document))
    return str(tmp_path / "receiver.yml")


def test_shifts_are_lines_and_know_the_overrides_of_the_store(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["schedule", "ops", "--config", file, *SPAN]
    assert main(command) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Mon 2026-01-05 09:00 CST - Mon 2026-01-12 09:00 CST  ada (Ada), layer 1",
        "Mon 2026-01-12 09:00 CST - Mon 2026-01-19 09:00 CST  bob (王庆), layer 1",
    ]

    async def stand_in() -> None:
        store = await Store.open(tmp_path / "tocsin.db", parse)
        since, until = (datetime(2026, 1, day, tzinfo=UTC) for day in (11, 12))
        stint = Stint("ops", "bob", since, until)
        await store.rota.override(stint, Change("test", "override"), since)
        await store.close()

    asyncio.run(stand_in())
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "Sun 2026-01-11 08:00 CST - Mon 2026-01-12 08:00 CST  bob (王庆), override 1"
    assert main([*command, "--ics"]) == 0
    assert capsys.readouterr().out.count("SUMMARY:王庆") == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["db"], "no schedule is named 'db'; there are ops"),
        (["ops", "--from", "soon"], "--from: not a time: 'soon'"),
        (["ops", "--from", "2026-01-05", "--until", "2026-01-04"], "exchange them"),
    ],
)
def test_what_cannot_be_said_is_one_line(
    file: str, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["schedule", *options, "--config", file]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
