"""The raw reader and the line parser."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.collectors.procfs import each_line, read_bytes, read_first, read_text
from exporter.model import NoData


def test_a_file_that_comes_in_pieces_is_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = b"0123456789" * 2000
    (tmp_path / "seq").write_bytes(whole)
    read = os.read
    monkeypatch.setattr(os, "read", lambda descriptor, size: read(descriptor, min(size, 4000)))
    assert read_bytes(f"{tmp_path}/seq") == whole


def test_the_reader_closes_what_it_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    before = os.open(tmp_path, os.O_RDONLY)
    os.close(before)
    read_bytes(f"{tmp_path}/file")
    with pytest.raises(IsADirectoryError):
        read_bytes(str(tmp_path))
    after = os.open(tmp_path, os.O_RDONLY)
    os.close(after)
    assert after == before


def test_a_missing_file_is_no_data(tmp_path: Path) -> None:
    with pytest.raises(NoData, match="nothing does not exist"):
        read_bytes(f"{tmp_path}/nothing")


def test_bytes_that_are_no_text_become_the_replacement_character(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a\xffb")
    assert read_text(f"{tmp_path}/file") == "a\ufffdb"


def test_the_first_file_that_can_be_read_wins(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "second").write_text("second")
    (tmp_path / "third").write_text("third")
    candidates = [f"{tmp_path}/{name}" for name in ("missing", "folder", "second", "third")]
    assert read_first(*candidates) == b"second"


def test_where_no_file_can_be_read_the_last_one_says_why(tmp_path: Path) -> None:
    with pytest.raises(NoData, match="last does not exist"):
        read_first(f"{tmp_path}/first", f"{tmp_path}/last")


def _numbers(line: str) -> Iterator[int]:
    yield int(line)


def test_a_line_that_cannot_be_parsed_is_named() -> None:
    with pytest.raises(ValueError, match=r"^stat: line 3: 'x': invalid literal for int\(\)"):
        list(each_line("stat", "1\n2\nx\n", _numbers))


def test_only_a_newline_ends_a_line_and_blank_lines_are_passed_over() -> None:
    assert list(each_line("f", "a\u2028b\n\nc\x0cd\n", lambda line: [line])) == [
        "a\u2028b",
        "c\x0cd",
    ]
