import asyncio
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from receiver.__main__ import main
from receiver.intake.webhook import parse
from receiver.store.records import Decision, Known, Outcome
from receiver.store.store import Store
from tests.e2e.serving import configure
from tests.receiver.claiming import claim, settle
from tests.receiver.webhooks import START, alert, webhook


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration whose store has two dead messages, 1 of a channel that is gone."""
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path))
    asyncio.run(fill(tmp_path / "tocsin.db"))
    return configure(tmp_path, channels={"ops": {"type": "inbox"}, "mail": {"type": "inbox"}})


def decided(decision: Decision, _: Known) -> Decision:
    return decision


async def fill(path: Path) -> None:
    store = await Store.open(path, parse)
    for channel in ("gone", "ops"):
        told = webhook([alert("web-1", note="\x1b[2Jowned")], groupKey=channel)
        decision = Decision((channel,))
        await store.accept(told, partial(decided, decision))
        delivery = await claim(store, channel, START, START + timedelta(seconds=1))
        assert delivery is not None
        await settle(store, delivery, Outcome("dead", "rejected", "HTTP 400: no"), START)
    await store.close()


def run(*arguments: str | Path) -> int:
    return main(["dead", *map(str, arguments)])


def test_a_dead_message_is_listed_and_shown_with_its_attempts_and_alerts(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("list", "--config", file) == 0
    listed = capsys.readouterr().out.splitlines()
    assert listed == [
        "2  2026-11-23 12:00:00 UTC  ops  rejected  critical firing Down (1 alerts)",
        "1  2026-11-23 12:00:00 UTC  gone  rejected  critical firing Down (1 alerts)",
    ]
    assert run("show", "2", "--config", file) == 0
    shown = capsys.readouterr().out
    assert "attempt 1  12:00:00  dead rejected  HTTP 400: no" in shown
    assert "instance=web-1" in shown
    assert "\x1b" not in shown


def test_a_dead_message_is_owed_again_once(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("replay", "2", "--config", file) == 0
    assert "1 owed again" in capsys.readouterr().out
    assert run("replay", "2", "--config", file) == 1
    assert "not dead, or sent again already: 2" in capsys.readouterr().err
    assert run("list", "--channel", "ops", "--config", file) == 0
    assert capsys.readouterr().out == ""
    assert run("show", "2", "--config", file) == 0
    assert "taken over by message 3" in capsys.readouterr().out


def test_all_dead_messages_go_by_another_channel_where_theirs_is_gone(
    file: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run("replay", "--all", "--config", file) == 1
    assert "the channel of 1 is gone; choose another one with --to" in capsys.readouterr().err
    assert run("replay", "--all", "--to", "chat", "--config", file) == 1
    assert "there are mail, ops" in capsys.readouterr().err
    assert run("replay", "--all", "--to", "mail", "--config", file) == 0

    async def owed() -> list[tuple[str, int]]:
        store = await Store.open(tmp_path / "tocsin.db", parse)
        queues = await store.queues()
        await store.close()
        return [(queue.channel, queue.owed) for queue in queues]

    assert asyncio.run(owed()) == [("mail", 2)]


def test_a_message_or_a_store_that_is_not_there_is_said(
    file: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run("show", "99", "--config", file) == 1
    assert "there is no message 99" in capsys.readouterr().err
    (tmp_path / "tocsin.db").unlink()
    assert run("list", "--config", file) == 1
    assert "there is no store yet" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["1", "--all"]])
def test_replay_wants_numbers_or_all(file: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        run("replay", *arguments, "--config", file)
