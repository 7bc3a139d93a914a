import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from exporter.model import SeriesKey
from exporter.quality import opinions as module
from exporter.quality.journal import Journal
from exporter.quality.opinions import FullError, Opinions
from exporter.quality.records import Label, Setting, Verdict
from exporter.state.folder import Folder, TakenError

NOW = datetime.now(UTC)
MAIL, WEB = {"queue": "mail", "host": "a"}, {"queue": "web", "host": "a"}
KEYS = (
    SeriesKey("depth", (("queue", "mail"), ("host", "a"))),
    SeriesKey("depth", (("queue", "web"), ("host", "a"))),
    SeriesKey("load"),
)


def label(verdict: Verdict, minutes: float = 0, labels: dict[str, str] = MAIL) -> Label:
    at = NOW - timedelta(minutes=minutes)
    return Label(signal="depth", labels=labels, verdict=verdict, at=at)


def opened(path: Path) -> tuple[Opinions, Folder]:
    folder = Folder(path)
    opinions = Opinions(Journal(folder))
    opinions.load()
    return opinions, folder


def reopened(folder: Folder) -> Opinions:
    """Open again, as after a restart."""
    folder.release()
    return opened(folder.path)[0]


def figures(opinions: Opinions) -> dict[str, float]:
    return {" ".join((s.metric.name, *s.labels)): s.value for s in opinions.samples()}


async def test_labels_give_figures_and_move_the_sensitivity_of_their_series(
    tmp_path: Path,
) -> None:
    opinions, folder = opened(tmp_path)
    for minutes, verdict in enumerate[Verdict](("true", "false", "false", "false", "missed")):
        assert await opinions.add(label(verdict, minutes))
    for now in (opinions, reopened(folder)):
        shown = figures(now)
        assert shown["tocsin_signal_labels depth false"] == 3
        assert shown["tocsin_signal_precision_ratio depth"] == 0.25
        assert shown["tocsin_signal_recall_ratio depth"] == 0.5
        assert shown["tocsin_signal_f1_ratio depth"] == pytest.approx(1 / 3)
        assert now.alarms_a_week(KEYS).tolist() == pytest.approx([3 / 5, 1, 1])
        assert now.of_series(("depth", (("host", "a"), ("queue", "mail")))) == pytest.approx(3 / 5)


async def test_a_series_goes_before_its_signal_and_that_before_the_configuration(
    tmp_path: Path,
) -> None:
    opinions, folder = opened(tmp_path)
    opinions.configure(7.0, {"load": 2.0})
    assert opinions.alarms_a_week(KEYS).tolist() == [7, 7, 2]
    await opinions.add(Setting(signal="depth", sensitivity="low"))
    await opinions.add(Setting(signal="depth", labels=WEB, sensitivity=20))
    assert opinions.alarms_a_week(KEYS).tolist() == pytest.approx([7 / 30.44, 20, 2])
    again = reopened(folder)
    again.configure(7.0, {"load": 2.0})
    assert again.alarms_a_week(KEYS).tolist() == opinions.alarms_a_week(KEYS).tolist()
    await again.add(Setting(signal="depth", sensitivity=None))
    await again.add(Setting(signal="depth", labels=WEB, sensitivity=None))
    assert again.alarms_a_week(KEYS).tolist() == [7, 7, 2]


async def test_labels_move_no_series_beyond_the_bounds(tmp_path: Path) -> None:
    opinions, _ = opened(tmp_path)
    await opinions.add(Setting(signal="depth", sensitivity=100))
    for minutes in range(9):
        await opinions.add(label("missed", minutes))
    assert opinions.alarms_a_week(KEYS)[0] == 168


async def test_it_is_worked_out_anew_only_where_something_has_changed() -> None:
    opinions = Opinions()
    first = opinions.alarms_a_week(KEYS)
    assert opinions.alarms_a_week(KEYS) is first
    assert opinions.alarms_a_week(KEYS[:2]).tolist() == [1, 1]


async def test_who_says_something_else_of_the_same_moment_has_changed_their_mind(
    tmp_path: Path,
) -> None:
    opinions, folder = opened(tmp_path)
    assert await opinions.add(label("true"))
    assert not await opinions.add(label("false"))
    for now in (opinions, reopened(folder)):
        assert (now.counts("depth").true, now.counts("depth").false) == (0, 1)


async def test_labels_count_for_90_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opinions, folder = opened(tmp_path)
    await opinions.add(label("false", minutes=60))
    await opinions.add(label("true"))
    later = (NOW + timedelta(days=90, minutes=-30)).timestamp()
    monkeypatch.setattr(time, "time", lambda: later)
    for now in (opinions, reopened(folder)):
        assert now.alarms_a_week(KEYS).tolist() == [1, 1, 1]
        assert now.counts("depth").false == 0
        assert now.counts("depth").true == 1


async def test_of_too_many_labels_the_oldest_are_forgotten_and_the_journal_stays_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_LABELS", 3)
    monkeypatch.setattr(module, "_SPARE_LINES", 5)
    opinions, folder = opened(tmp_path)
    for minutes in range(40):
        await opinions.add(label("false" if minutes < 37 else "missed", 1000 - minutes))
    assert opinions.counts("depth").false == 0
    assert len((tmp_path / "opinions.jsonl").read_bytes().splitlines()) <= 3 * 2 + 5
    assert reopened(folder).counts("depth").missed == 3


async def test_there_may_be_only_so_many_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_SETTINGS", 1)
    opinions, _ = opened(tmp_path)
    await opinions.add(Setting(signal="depth", sensitivity="low"))
    with pytest.raises(FullError):
        await opinions.add(Setting(signal="load", sensitivity="low"))
    await opinions.add(Setting(signal="depth", sensitivity="high"))
    assert opinions.of_signal("depth") == 7


async def test_a_line_that_a_crash_cut_off_costs_itself_alone(tmp_path: Path) -> None:
    opinions, folder = opened(tmp_path)
    await opinions.add(label("true"))
    journal = tmp_path / "opinions.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole + whole[: len(whole) // 2])
    again = reopened(folder)
    assert again.counts("depth").true == 1
    assert journal.read_bytes() == whole, "so that the next line stands by itself"


async def test_lines_that_make_no_sense_are_set_aside_and_the_others_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    opinions, folder = opened(tmp_path)
    await opinions.add(label("true"))
    journal = tmp_path / "opinions.jsonl"
    bad = [b'{"kind": "label"}', b"\xff\xfe", b'{"kind": "unheard of"}', b"[]"]
    journal.write_bytes(b"\n".join([*bad, journal.read_bytes()]))
    assert reopened(folder).counts("depth").true == 1
    assert "4 of 5" in caplog.text
    assert len(list(tmp_path.glob("opinions.jsonl.set-aside-*"))) == 1  # noqa: ASYNC240 -- a test


async def test_what_cannot_be_kept_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opinions, folder = opened(tmp_path)
    await opinions.add(label("true"))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("exporter.quality.journal.os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            await opinions.add(label("false", 5))
    assert figures(opinions)["tocsin_label_write_failures_total"] == 1
    for now in (opinions, reopened(folder)):
        assert now.counts("depth").false == 0
        assert now.counts("depth").true == 1


async def test_labels_given_at_once_are_all_kept(tmp_path: Path) -> None:
    opinions, folder = opened(tmp_path)
    await asyncio.gather(*(opinions.add(label("false", minutes)) for minutes in range(20)))
    assert reopened(folder).counts("depth").false == 20


async def test_another_exporters_folder_is_not_written(tmp_path: Path) -> None:
    opened(tmp_path)
    with pytest.raises(TakenError):
        opened(tmp_path)


async def test_without_state_a_label_is_refused() -> None:
    opinions = Opinions()
    with pytest.raises(OSError, match="`state` is off"):
        await opinions.add(label("true"))
    assert np.all(opinions.alarms_a_week(KEYS) == 1)
