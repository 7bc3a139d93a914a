"""A file of lines that a crash cannot take back: each is on disk before anybody is told so."""

import json
import logging
import os
from collections.abc import Iterable

from pydantic import ValidationError

from exporter.quality.records import RECORD, Record
from exporter.state.folder import Folder, Replacement, set_aside, sync_folder

_FILE = "opinions.jsonl"

_log = logging.getLogger(__name__)


class Journal:
    """Appends records, and is rewritten when most of its lines are out of date.

    Every method may wait for the disk, and raises OSError where that fails.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._file = folder.path / _FILE
        self.lines = 0
        """How many lines the file has, as far as this process knows."""

    def load(self) -> list[Record]:
        """Read all records; a file with lines that make no sense is set aside, the rest is used."""
        self._folder.take()
        if not self._file.exists():
            return []
        data = self._file.read_bytes()
        whole, _, torn = data.rpartition(b"\n")  # a crash may have cut the last line off
        lines = whole.splitlines()
        records = [record for line in lines if (record := _parse(line)) is not None]
        self.lines = len(lines)
        if len(records) < len(lines):
            aside = set_aside(self._file)
            bad = len(lines) - len(records)
            _log.warning("%d of %d labels make no sense; see %s", bad, len(lines), aside)
        if torn or len(records) < len(lines):
            self.rewrite(records)
        return records

    def append(self, record: Record) -> None:
        """Add a record durably; where that fails, the file is as it was."""
        self._folder.take()
        line = record.model_dump_json().encode() + b"\n"
        new = not self._file.exists()
        with self._file.open("ab", buffering=0) as file:
            length = file.tell()
            try:
                _write(file.fileno(), line)
            except OSError:
                file.truncate(length)
                raise
        if new:
            sync_folder(self._folder.path)
        self.lines += 1

    def rewrite(self, records: Iterable[Record]) -> None:
        """Let the file have these records alone."""
        lines = [record.model_dump_json().encode() + b"\n" for record in records]
        replacement = Replacement(self._file)
        try:
            replacement.file.writelines(lines)
            replacement.commit()
        finally:
            replacement.close()
        self.lines = len(lines)


def _write(descriptor: int, line: bytes) -> None:
    while line:
        line = line[os.write(descriptor, line) :]
    os.fsync(descriptor)


def _parse(line: bytes) -> Record | None:
    try:
        return RECORD.validate_python(json.loads(line))
    except (ValueError, ValidationError):
        return None
