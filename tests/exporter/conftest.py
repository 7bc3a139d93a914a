"""What all tests of the exporter share."""

from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine must not fail a property; what a property costs is no part of it.
settings.register_profile("exporter", deadline=None, max_examples=50)
settings.load_profile("exporter")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let an exporter that a test starts keep its state with the test's files."""
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"
