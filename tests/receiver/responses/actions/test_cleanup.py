"""Real trees, hostile ones too: what is old goes, and nothing outside is ever touched."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from aiohttp import ClientSession
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from receiver.responses.actions import ActionError
from receiver.responses.actions.sweep import Rule, Swept, sweep
from tests.receiver.responses.actions.acting import act, step

OLD = time.time() - 10 * 86_400


def put(path: Path, size: int = 8192, at: float = OLD) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size))
    os.utime(path, (at, at))
    return path


def clean(*roots: Path, **said: Any) -> Any:
    given = {"files": ["*.log"], **said}
    return step("cleanup", roots=[str(root) for root in roots], **given)


async def test_what_is_old_and_matches_is_deleted(http: ClientSession, tmp_path: Path) -> None:
    gone = [put(tmp_path / "a.log"), put(tmp_path / "sub" / "b\n.log")]
    kept = [
        put(tmp_path / "new.log", at=time.time()),
        put(tmp_path / "a.txt"),
        put(tmp_path / "small.log", size=100),
    ]
    done = await act(http, clean(tmp_path, larger="1KiB", older="2d"))
    assert done.said == "2 files deleted, 16384 bytes freed"
    assert sorted(done.output.splitlines()) == [f"{tmp_path}/a.log", f"{tmp_path}/sub/b?.log"]
    assert not [path for path in gone if path.exists()]
    assert [path for path in kept if path.exists()] == kept


async def test_what_is_not_freed_is_not_counted(http: ClientSession, tmp_path: Path) -> None:
    os.link(put(tmp_path / "a.log"), tmp_path / "kept.txt")
    assert (await act(http, clean(tmp_path))).said == "1 files deleted, 0 bytes freed"


@pytest.mark.parametrize(
    ("bound", "left", "said"),
    [({"most": 2}, 3, "; stopped at 2 files"), ({"most_bytes": "16KiB"}, 3, ""), ({}, 0, "")],
)
async def test_a_bound_is_kept(
    http: ClientSession, tmp_path: Path, bound: dict[str, Any], left: int, said: str
) -> None:
    logs = [put(tmp_path / f"{number}.log") for number in range(5)]
    done = await act(http, clean(tmp_path, **bound))
    assert sum(path.exists() for path in logs) == left
    assert done.said == f"{5 - left} files deleted, {(5 - left) * 8192} bytes freed{said}"


async def test_no_link_is_followed_wherever_it_stands(http: ClientSession, tmp_path: Path) -> None:
    outside = put(tmp_path / "outside" / "a.log")
    root = tmp_path / "root"
    root.mkdir()
    (root / "folder").symlink_to(outside.parent)
    (root / "file.log").symlink_to(outside)
    assert (await act(http, clean(root))).said == "0 files deleted, 0 bytes freed"
    linked = tmp_path / "linked"
    linked.symlink_to(outside.parent)
    with pytest.raises(ActionError, match="1 could not be: Not a directory"):
        await act(http, clean(linked))
    (outside.parent / "deep").mkdir()
    with pytest.raises(ActionError, match="could not be"):
        await act(http, clean(linked / "deep"))
    assert outside.exists()


async def test_a_root_that_is_gone_is_a_failure(http: ClientSession, tmp_path: Path) -> None:
    with pytest.raises(ActionError, match="No such file"):
        await act(http, clean(tmp_path / "none"))
    put(tmp_path / "a.log")
    done = await act(http, clean(tmp_path / "none", tmp_path))
    assert done.said.startswith("1 files deleted, 8192 bytes freed; 1 could not be: No such")


@pytest.mark.parametrize(
    "root",
    [
        *("/", "//", "/etc", "/etc/nginx", "/usr/share/doc", "/home", "/home/ada", "/var"),
        *("/var/lib", "/var/lib/postgresql", "/proc/1", "/root", "/dev/shm", "/tmp/../etc"),
        *("relative", "/tmp/./x", "/data//x", "~/x", "", "/srv/${labels.app}", "/mnt/"),
    ],
)
def test_a_root_of_the_system_is_refused_at_once(root: str) -> None:
    with pytest.raises(ValidationError, match=r"nothing is deleted|no plain|cannot come"):
        step("cleanup", roots=[root], files=["*"])


@pytest.mark.parametrize("files", [[], [""], ["../*"], ["a/b"], ["${labels.file}"]])
def test_a_pattern_is_one_of_names(files: list[str]) -> None:
    with pytest.raises(ValidationError):
        step("cleanup", roots=["/tmp/x"], files=files)


NAMES = st.sampled_from(["a.log", "b.log", "c\n.log", "..log", "-rf.log", "$(id).log", "d", "e"])
TREES = st.recursive(
    st.one_of(st.just("file"), st.just("to file"), st.just("to folder"), st.just("pipe")),
    lambda inner: st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)


def grow(path: Path, tree: Any, outside: Path) -> Iterator[Path]:
    """Make what is described; yields the plain files."""
    if isinstance(tree, dict):
        path.mkdir()
        for name, inner in tree.items():
            yield from grow(path / name, inner, outside)
    elif tree == "file":
        yield put(path, 10)
    elif tree == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(outside if tree == "to folder" else outside / "o.log")


@settings(max_examples=25)
@given(tree=st.dictionaries(NAMES, TREES, max_size=5))
def test_exactly_the_plain_files_that_match_go(tree: dict[str, Any]) -> None:
    with TemporaryDirectory() as folder:
        root, outside = Path(folder, "root"), Path(folder, "outside")
        safe = put(outside / "o.log")
        files = [*grow(root, tree, outside)]
        others = {*root.rglob("*")} - {*files}
        swept = Swept()
        sweep([str(root)], _rule(), swept, lambda: None)
        left = {*root.rglob("*")}
        wanted = {path for path in files if path.name.endswith(".log")}
        assert left == others | ({*files} - wanted)
        assert (swept.count, swept.refused) == (len(wanted), 0)
        assert safe.exists()


def test_a_folder_that_is_swapped_for_a_link_leads_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = put(tmp_path / "outside" / "x.log")
    swapped = put(tmp_path / "root" / "sub" / "x.log").parent
    look = os.stat

    def swap(path: Any, **said: Any) -> os.stat_result:
        """Look, and swap what was looked at before it is opened."""
        about = look(path, **said)
        if path == "sub":
            swapped.rename(tmp_path / "aside")
            swapped.symlink_to(outside.parent)
        return about

    monkeypatch.setattr(os, "stat", swap)
    swept = Swept()
    sweep([str(tmp_path / "root")], _rule(), swept, lambda: None)
    assert swapped.is_symlink()
    assert outside.exists()
    assert (swept.count, swept.refused) == (0, 1)


_BOUND = """
import sys, time
from receiver.responses.actions.sweep import Rule, Swept, sweep
swept = Swept()
rule = Rule(["*.log"], time.time(), 0, 9, None, time.monotonic() + 9)
sweep(sys.argv[1:], rule, swept, lambda: None)
print(swept.count)
"""


def test_no_other_mount_is_entered_though_it_is_of_the_same_disk(tmp_path: Path) -> None:
    outside, root = put(tmp_path / "outside" / "a.log"), put(tmp_path / "root" / "b.log").parent
    (root / "bound").mkdir()
    mount = 'mount --bind "$1" "$2/bound" || exit 77; exec "$3" -c "$4" "$2"'
    words = [str(outside.parent), str(root), sys.executable, _BOUND]
    argv = ["unshare", "-m", "sh", "-c", mount, "sh", *words]
    ended = subprocess.run(argv, check=False, capture_output=True, text=True)
    if ended.returncode == 77 or ended.stderr.startswith("unshare:"):
        pytest.skip("no mount can be made here")
    assert ended.stdout == "1\n", ended.stderr
    assert outside.exists()


def _rule() -> Rule:
    soon = time.monotonic() + 60
    return Rule(["*.log"], time.time() - 60, larger=0, most=10_000, most_bytes=None, until=soon)
