import errno
import os
import time
from pathlib import Path

import numpy as np
import pytest

from exporter.state import keeper as module
from exporter.state.folder import Folder
from exporter.state.format import Arrays, Writer
from tests.exporter.state.learning import DAY, Learner, Sums, figures, keeper, restored


async def saved(path: Path, learner: Learner) -> None:
    """Save, and end as a process does."""
    folder = Folder(path)
    await module.Keeper(folder, learner.slots, learner).save()
    folder.release()


def names(folder: Path, pattern: str = "*") -> list[str]:
    return sorted(path.name for path in folder.glob(pattern))


async def test_what_was_learned_is_there_after_a_restart(tmp_path: Path) -> None:
    before, after = Learner(), Learner()
    before.see(["a", "b", "c"], first=5)
    await saved(tmp_path / "new" / "state", before)
    one = restored(tmp_path / "new" / "state", after)
    assert after.known() == {"a": (5, 5.75), "b": (6, 6.75), "c": (7, 7.75)}
    assert figures(one)["tocsin_state_restored_series"] == 3
    place = after.slots.place(before.slots.held(0).keys, time.monotonic())
    assert not len(place.fresh), "a series that returns finds the restored row"


async def test_more_series_than_are_copied_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BATCH", 7)
    before, after = Learner(100), Learner(100)
    before.see([f"s{i}" for i in range(64)])
    await saved(tmp_path, before)
    restored(tmp_path, after)
    assert after.known() == before.known()
    assert len(after.known()) == 64


async def test_a_series_that_is_gone_for_too_long_is_not_restored(tmp_path: Path) -> None:
    before, after = Learner(), Learner()
    before.see(["old"], ago=DAY - 60)
    before.see(["young"], ago=10)
    await saved(tmp_path, before)
    after.slots = type(after.slots)(8, ttl=3600)
    restored(tmp_path, after)
    assert list(after.known()) == ["young"]


async def test_with_less_room_the_series_that_were_there_last_are_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_LARGEST", 2 * (3 * 8 + 8))
    before, after = Learner(), Learner()
    before.see(["old"], ago=60)
    before.see(["b", "c"])
    await saved(tmp_path, before)
    restored(tmp_path, after)
    assert list(after.known()) == ["b", "c"]
    assert "1 series are not saved" in caplog.text


async def test_a_smaller_exporter_takes_as_many_series_as_it_has_room_for(tmp_path: Path) -> None:
    before, after = Learner(8), Learner(2)
    before.see(["a", "b", "c"])
    await saved(tmp_path, before)
    assert figures(restored(tmp_path, after))["tocsin_state_restored_series"] == 2


async def test_numbers_of_another_precision_are_taken(tmp_path: Path) -> None:
    before, after = Learner(), Learner()
    after.wide = after.wide.astype(np.float32)
    before.see(["a"], first=3)
    await saved(tmp_path, before)
    restored(tmp_path, after)
    assert after.known() == {"a": (3, 3.75)}


async def test_what_an_earlier_version_did_not_know_begins_anew(tmp_path: Path) -> None:
    class Later(Learner):
        reasons = np.full((2, 8), -1.0)

        def arrays(self) -> Arrays:
            return {**super().arrays(), "reasons": self.reasons}

    earlier, later = Learner(), Later()
    earlier.see(["a", "b"])
    await saved(tmp_path, earlier)
    one = restored(tmp_path, later)
    assert figures(one)["tocsin_state_restored_series"] == 2
    assert later.known() == earlier.known()
    assert (later.reasons == -1).all()


async def test_what_others_have_learned_is_kept_beside_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before, folder = Learner(), Folder(tmp_path)
    before.see(["a"], first=3)
    await module.Keeper(folder, before.slots, before, {"sums": Sums(5.0)}).save()
    folder.release()
    after, sums = Learner(), Sums()
    module.Keeper(folder, after.slots, after, {"sums": sums}).restore()
    assert (sums.total.tolist(), sums.pairs.tolist()) == ([5], [[5] * 3] * 2)
    assert after.known() == {"a": (3, 3.75)}
    folder.release()
    other, alone = Learner(), Sums()
    alone.pairs = alone.pairs[:, :2].copy()
    module.Keeper(folder, other.slots, other, {"sums": alone}).restore()
    assert caplog.messages == ["what was learned of sums does not fit: another format"]
    assert other.known() == {"a": (3, 3.75)}, "which costs the series nothing"


def damage(file: Path, how: str) -> None:
    data = file.read_bytes()
    damaged = {
        "cut": data[: len(data) // 2],
        "changed": data[:-60] + bytes([data[-60] ^ 1]) + data[-59:],
        "empty": b"",
        "foreign": b"\x00" * 4096,
        "version": data.replace(b"state 1\n", b"state 9\n", 1),
    }
    file.write_bytes(damaged[how])


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("cut", "damaged"),
        ("changed", "damaged"),
        ("empty", "damaged"),
        ("foreign", "damaged"),
        ("version", "version"),
    ],
)
async def test_a_file_that_cannot_be_used_is_set_aside_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, how: str, reason: str
) -> None:
    before, after = Learner(), Learner()
    before.see(["a", "b"])
    await saved(tmp_path, before)
    damage(tmp_path / "learned", how)
    one = restored(tmp_path, after)
    assert after.known() == {}
    assert figures(one)[f"tocsin_state_set_aside_total {reason}"] == 1
    (aside,) = names(tmp_path, "learned.set-aside-*")
    assert caplog.messages[-1].endswith(f"set aside as {aside}")
    await one.save()
    assert (tmp_path / "learned").exists(), "and saving goes on"


@pytest.mark.parametrize("other", ["layout", "axes"])
async def test_what_another_engine_learned_is_set_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, other: str
) -> None:
    before, after = Learner(layout="one"), Learner(layout="two" if other == "layout" else "one")
    if other == "axes":
        after.wide = after.wide[:2].copy()
    before.see(["a"])
    await saved(tmp_path, before)
    one = restored(tmp_path, after)
    assert figures(one)["tocsin_state_set_aside_total layout"] == 1
    assert "learned by one" in caplog.text


async def test_only_the_newest_few_files_set_aside_are_kept(tmp_path: Path) -> None:
    olds = [tmp_path / f"learned.set-aside-2020010{i}T000000Z" for i in range(5)]
    for old in olds:
        old.write_text("old", "utf-8")
    (tmp_path / "learned").write_text("nonsense", "utf-8")
    restored(tmp_path, Learner())
    assert [old.exists() for old in olds] == [False] * 3 + [True] * 2
    assert len(names(tmp_path, "learned.set-aside-*")) == 3


async def test_a_folder_that_cannot_be_written_is_said_once_and_scoring_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    (tmp_path / "occupied").write_text("a file where the folder should be", "utf-8")
    one = restored(tmp_path / "occupied" / "state", Learner())
    assert "Not a directory" in one.trouble, "health says so before the first save"
    await one.save()
    await one.save()
    assert figures(one)["tocsin_state_save_failures_total"] == 2
    assert len(caplog.messages) == 1
    assert "Not a directory" in caplog.text
    (tmp_path / "occupied").unlink()
    await one.save()
    assert figures(one)["tocsin_state_saves_total"] == 1
    assert caplog.messages[-1] == "what was learned is saved again"


async def test_a_save_that_fails_half_way_leaves_the_last_one_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = Learner()
    learner.see(["a"])
    one = keeper(tmp_path, learner)
    await one.save()
    good = (tmp_path / "learned").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Writer, "finish", full)
    learner.see(["b"])
    await one.save()
    assert (tmp_path / "learned").read_bytes() == good
    assert names(tmp_path) == ["learned", "lock"]


async def test_two_exporters_do_not_share_a_folder(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    learner = Learner()
    learner.see(["a"])
    first = keeper(tmp_path, learner)
    await first.save()
    after = Learner()
    second = restored(tmp_path, after)
    assert f"another exporter (pid {os.getpid()} on " in second.trouble
    await second.save()
    assert after.known() == {}
    assert figures(second)["tocsin_state_save_failures_total"] == 1
    assert "name another folder with `state.folder`" in caplog.text
    assert not names(tmp_path, "*.set-aside-*")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EIO])
async def test_a_file_system_without_locks_is_used_and_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    number: int,
) -> None:
    """Another error than that is none to go on with, and no fault of the file."""
    before, after = Learner(), Learner()
    before.see(["a"])
    await saved(tmp_path, before)

    def refuse(*_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("exporter.state.folder.fcntl.flock", refuse)
    one, kept = restored(tmp_path, after), number == errno.ENOLCK
    assert bool(after.known()) == (not one.trouble) == kept
    assert ("see to it that no other exporter" in caplog.text) == kept
    assert names(tmp_path) == ["learned", "lock"]


async def test_a_small_state_is_saved_at_every_tick_and_a_large_one_as_often_as_is_fair(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO")
    learner = Learner()
    learner.see(["a"])
    one = keeper(tmp_path, learner)
    clock = [1000.0]
    monkeypatch.setattr(module, "monotonic", lambda: clock[0])
    assert one.due(15)
    await one.save()
    assert not one.due(15)
    clock[0] += 15.02
    assert one.due(15)
    monkeypatch.setattr(module, "_PACE", figures(one)["tocsin_state_size_bytes"] / 100)
    assert not one.due(15)
    assert figures(one)["tocsin_state_save_period_seconds"] == pytest.approx(100)
    clock[0] += 80
    assert one.due(15)
    said = [m for m in caplog.messages if "is saved in" in m]
    assert [m.rsplit("every ", 1)[1] for m in said] == ["15 s", "100 s"]
