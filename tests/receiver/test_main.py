import socket
import sqlite3
from pathlib import Path

import pytest
import yaml

from receiver.__main__ import main
from receiver.store.migrations import STEPS


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "receiver.yml").write_text("language: zh\n")
    return str(tmp_path / "receiver.yml")


def test_a_good_configuration_is_ok(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--config", file]) == 0
    assert capsys.readouterr().out == f"{file}: ok\n"


def test_the_defaults_are_printed_as_a_configuration_that_loads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--defaults"]) == 0
    text = capsys.readouterr().out
    assert yaml.safe_load(text)["listen"] == "127.0.0.1:9848"
    (tmp_path / "defaults.yml").write_text(text)
    assert main(["check", "--config", str(tmp_path / "defaults.yml")]) == 0


@pytest.mark.parametrize("command", ["check", "serve"])
def test_a_bad_configuration_is_status_2_with_a_line_for_each_problem(
    command: str, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(file).write_text("langauge: zh\nlisten: 1\n")
    assert main([command, "--config", file]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"{file}: listen: a text is expected; put it in quotes"
    assert second.startswith(f"{file}: langauge: unknown key; known here: listen, store, store_")


def test_a_configuration_that_is_not_there_is_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--config", str(tmp_path / "none.yml")]) == 2
    assert "none.yml: cannot be read: No such file or directory" in capsys.readouterr().err


def test_a_port_in_use_is_one_line_with_the_remedy_and_leaves_the_store_alone(
    file: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        assert main(["serve", "--config", file, "--listen", listen]) == 1
    assert capsys.readouterr().err == (
        f"{listen} is in use; stop what listens there, or choose with --listen ADDR\n"
    )
    assert not home.exists()


def test_an_address_of_another_machine_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "token").write_text("x")
    token = {"name": "root", "scope": "admin", "file": "token"}
    path = tmp_path / "receiver.yml"
    path.write_text(yaml.safe_dump({"listen": "192.0.2.1:9848", "tokens": [token]}))
    assert main(["serve", "--config", str(path)]) == 1
    assert capsys.readouterr().err == (
        "cannot listen on 192.0.2.1:9848: Cannot assign requested address;"
        " choose with --listen ADDR\n"
    )


def test_a_newer_store_is_one_line(
    file: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home.mkdir()
    with sqlite3.connect(home / "tocsin.db") as raw:
        raw.execute("create table schema_version (version integer)")
        raw.execute("insert into schema_version values (99)")
    raw.close()
    assert main(["serve", "--config", file, "--listen", "127.0.0.1:0"]) == 1
    assert capsys.readouterr().err == (
        f"{home / 'tocsin.db'}: its tables have version 99, this Tocsin knows {1 + len(STEPS)};"
        " install the newer one again\n"
    )


def test_a_store_that_cannot_be_opened_is_one_line(
    file: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "tocsin.db").mkdir(parents=True)
    assert main(["serve", "--config", file, "--listen", "127.0.0.1:0"]) == 1
    assert capsys.readouterr().err == (
        f"{home / 'tocsin.db'}: unable to open database file;"
        " stop what holds it, or check disk and rights\n"
    )


def test_a_home_that_cannot_be_made_is_one_line(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "occupied").write_text("a file")
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path / "occupied" / "home"))
    assert main(["serve", "--config", file, "--listen", "127.0.0.1:0"]) == 1
    assert capsys.readouterr().err == (
        f"{tmp_path / 'occupied' / 'home'}: Not a directory; check that it is writable\n"
    )


def test_a_database_that_does_not_run_is_named_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    path = tmp_path / "receiver.yml"
    path.write_text(f"store: postgresql://tocsin@127.0.0.1:{port}/tocsin\n")
    assert main(["serve", "--config", str(path)]) == 1
    said = capsys.readouterr().err
    assert f"127.0.0.1:{port}" in said
    assert said.endswith("; start that server, or correct store and store_password_file\n")
