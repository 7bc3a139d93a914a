import pytest

from exporter.web.health import Check, Status, worst


@pytest.mark.parametrize(
    ("statuses", "whole"),
    [
        (["healthy", "healthy"], "healthy"),
        (["healthy", "unknown"], "unknown"),
        (["unknown", "degraded"], "degraded"),
        (["degraded", "unhealthy", "healthy"], "unhealthy"),
    ],
)
def test_the_whole_is_as_well_as_its_worst_part(statuses: list[str], whole: str) -> None:
    checks = {str(i): Check(Status(status), "") for i, status in enumerate(statuses)}
    assert worst(checks) == whole
