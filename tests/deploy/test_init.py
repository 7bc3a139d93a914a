import json
import os
import socket
import stat
from io import StringIO
from pathlib import Path

import pytest

from deploy import init
from deploy.home import TOKENS

Owners = dict[str, tuple[int, int]]


@pytest.fixture
def owners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Owners:
    """Give init volumes of the test's own; returns who was given which secret."""
    given: Owners = {}
    for name in ("secrets", "targets"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(init, f"_{name.upper()}", tmp_path / name)

    def chown(path: Path, user: int, group: int) -> None:
        given[path.name] = (user, group)

    monkeypatch.setattr(os, "chown", chown)
    return given


def secret(folder: Path, name: str) -> tuple[str, int]:
    path = folder / "secrets" / name
    return path.read_text("utf-8"), stat.S_IMODE(path.stat().st_mode)


def targets(folder: Path) -> dict[str, object]:
    files = (folder / "targets").glob("*.yml")
    return {path.stem: json.loads(path.read_text("utf-8")) for path in files}


def test_each_secret_belongs_to_those_who_read_it(tmp_path: Path, owners: Owners) -> None:
    assert init.main([]) == 0
    assert owners == dict.fromkeys(TOKENS, (10001, 65534)) | {"grafana.password": (472, 472)}
    assert {secret(tmp_path, name)[1] for name in TOKENS} == {0o440}
    assert secret(tmp_path, "grafana.password")[1] == 0o400


def test_secrets_survive_the_next_start(tmp_path: Path, owners: Owners) -> None:
    init.main([])
    before = [secret(tmp_path, name) for name in owners]
    init.main([])
    assert [secret(tmp_path, name) for name in owners] == before


def test_targets_carry_the_name_of_the_host(tmp_path: Path, owners: Owners) -> None:
    init.main([])
    assert owners
    assert targets(tmp_path)["exporter"] == [
        {"targets": ["exporter:9847"], "labels": {"instance": socket.gethostname()}}
    ]


@pytest.mark.parametrize(
    ("profile", "name", "label"),
    [("gpu", "exporter-gpu", "exporter"), ("ha", "alertmanager-2", "replica")],
)
@pytest.mark.usefixtures("owners")
def test_a_profile_adds_its_target_until_the_next_start_without_it(
    tmp_path: Path, profile: str, name: str, label: str
) -> None:
    init.main([])
    base = set(targets(tmp_path))
    assert init.main([profile]) == 0
    added = targets(tmp_path)
    assert set(added) == base | {name}
    assert label in str(added[name])
    init.main([])
    assert set(targets(tmp_path)) == base


def test_a_channels_secret_is_taken_from_standard_input(
    tmp_path: Path, owners: Owners, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text in ("old", "https://example.com/hook\n"):
        monkeypatch.setattr("sys.stdin", StringIO(text))
        assert init.main(["secret", "ops.url"]) == 0
    assert secret(tmp_path, "ops.url") == ("https://example.com/hook\n", 0o400)
    assert owners == {"ops.url": (10001, 10001)}


@pytest.mark.parametrize("arguments", [["gqu"], ["secret"], ["secret", "../x"], ["ha", "gpu"]])
def test_anything_else_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str], owners: Owners
) -> None:
    assert init.main(arguments) == 2
    assert capsys.readouterr().err == "usage: init [gpu | ha | secret NAME]\n"
    assert not owners
