"""The runbooks that are shipped: without a mistake, and careful until a person changes that."""

from pathlib import Path

import pytest

from deploy.home import DEPLOY
from receiver.responses.runbook import Mode, Runbook
from receiver.settings import read_yaml

FILES = sorted((DEPLOY / "runbooks").glob("*.yml"))
FAULTS = {
    *("high-cpu", "high-memory", "service-unavailable", "disk-filling", "gpu-lost"),
    *("model-drift", "certificate-expiring", "queue-growing", "receiver-backlog"),
}


def test_there_is_one_for_each_usual_fault() -> None:
    assert {path.stem for path in FILES} == FAULTS


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_runbook_is_called_like_its_file_and_only_says_what_it_would_do(
    path: Path,
) -> None:
    runbook = Runbook.model_validate(read_yaml(path))
    assert runbook.name == path.stem
    assert runbook.mode is Mode.DRY_RUN
    assert runbook.guard.targets
