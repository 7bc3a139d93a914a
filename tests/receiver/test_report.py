"""The command `report`."""

import asyncio
from pathlib import Path

import pytest

from receiver.__main__ import main
from receiver.intake.webhook import parse
from receiver.store.store import Store


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "receiver.yml"
    path.write_text(
        f"store: sqlite:///{tmp_path / 'tocsin.db'}\n"
        "channels: {inbox: {type: inbox}}\n"
        "prometheus: {url: 'http://127.0.0.1:1', timeout: 1s}\n"
        "reports: {weekly: {on: fri, at: 17:30, channels: [inbox]},"
        " signals: [{name: load, promql: up}]}\n",
        "utf-8",
    )
    return path


async def make(folder: Path) -> None:
    await (await Store.open(folder / "tocsin.db", parse)).close()


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        ((), ("Weekly report  ", "A quiet time", "load: unreachable")),
        (("--language", "zh"), ("周报  ", "风平浪静", "load：unreachable")),
    ],
)
def test_it_prints_the_newest_report_and_says_what_cannot_be_had(
    settings: Path,
    options: tuple[str, ...],
    lines: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    asyncio.run(make(settings.parent))
    assert main(["report", "weekly", "--config", str(settings), *options]) == 0
    said = capsys.readouterr().out
    assert "17:30 \N{EN DASH} " in said
    for line in lines:
        assert line in said


def test_without_a_store_it_says_what_to_do(
    settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "daily", "--config", str(settings)]) == 2
    assert "there is no store yet; serve makes it" in capsys.readouterr().err
