import json
import socket
import stat
from pathlib import Path

import pytest

from deploy.demo import FLAVOUR
from deploy.home import TOKENS, Flavour, Ports, SetUpError, make_token, prepare, render, write_once


def test_tokens_are_random_and_readable_by_their_owner_alone(tmp_path: Path) -> None:
    prepare(tmp_path, Ports(), Flavour())
    files = [tmp_path / "secrets" / name for name in TOKENS]
    assert len({file.read_text("utf-8") for file in files}) == len(TOKENS)
    assert all(len(file.read_text("utf-8").strip()) >= 40 for file in files)
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_what_the_user_changed_survives_the_next_start(tmp_path: Path) -> None:
    prepare(tmp_path, Ports(), Flavour())
    own = ["receiver.yml", "exporter.yml", "secrets/read.token", "rules/local/mine.yml"]
    for name in own:
        (tmp_path / name).write_text("mine", "utf-8")
    prepare(tmp_path, Ports.from_base(20000), Flavour())
    assert {(tmp_path / name).read_text("utf-8") for name in own} == {"mine"}


def test_ports_are_rendered_anew_at_each_start(tmp_path: Path) -> None:
    prepare(tmp_path, Ports(), Flavour())
    prepare(tmp_path, Ports.from_base(20000), Flavour())
    target = json.loads((tmp_path / "targets/prometheus.yml").read_text("utf-8"))
    assert target == [
        {"targets": ["127.0.0.1:20002"], "labels": {"instance": socket.gethostname()}}
    ]
    assert "127.0.0.1:20001/webhook" in (tmp_path / "alertmanager.yml").read_text("utf-8")


def test_a_shipped_rule_file_that_is_gone_goes_from_the_state_folder(tmp_path: Path) -> None:
    prepare(tmp_path, Ports(), Flavour())
    (tmp_path / "rules/stale.yml").touch()
    prepare(tmp_path, Ports(), Flavour())
    assert not (tmp_path / "rules/stale.yml").exists()


def test_the_demonstration_scrapes_every_second_and_waits_for_nothing(tmp_path: Path) -> None:
    prepare(tmp_path, Ports(), FLAVOUR)
    assert "scrape_interval: 1s" in (tmp_path / "prometheus.yml").read_text("utf-8")
    assert "group_wait: 0s\n" in (tmp_path / "alertmanager.yml").read_text("utf-8")
    assert [path.name for path in (tmp_path / "rules").glob("*.yml")] == ["demo.yml"]


def test_a_change_that_finds_nothing_to_change_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("interval: 15s", "utf-8")
    with pytest.raises(ValueError, match=r"a\.yml no longer has 'interval: 30s'"):
        render(tmp_path / "a.yml", {"interval: 30s": "interval: 1s"})


def test_a_token_that_cannot_be_read_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "read.token").mkdir()
    with pytest.raises(SetUpError) as caught:
        make_token(tmp_path / "read.token")
    assert str(caught.value) == (
        f"cannot read the token {tmp_path}/read.token (Is a directory);"
        " make it readable, or remove it for a new one"
    )


def test_an_empty_token_is_refused(tmp_path: Path) -> None:
    (tmp_path / "read.token").touch()
    with pytest.raises(SetUpError, match="is empty; remove it and a new one is made"):
        make_token(tmp_path / "read.token")


def test_a_file_that_is_there_is_not_written_again(tmp_path: Path) -> None:
    assert write_once(tmp_path / "a", "first", 0o644)
    assert not write_once(tmp_path / "a", "second", 0o644)
    assert (tmp_path / "a").read_text("utf-8") == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_taken_port_is_named_with_the_way_out(port_base: int) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port_base + 2))
        other.listen()
        with pytest.raises(SetUpError) as caught:
            Ports.from_base(port_base).check_free()
    assert str(caught.value) == (
        f"port {port_base + 2} for prometheus cannot be had (Address already in use);"
        " what holds it was left alone; move all four with --port-base N"
    )
