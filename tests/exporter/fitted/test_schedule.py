import numpy as np
import pytest

from exporter.fitted.schedule import Standing, due

HOUR = 3600.0
EVERY = 6 * HOUR


@pytest.mark.parametrize(
    ("why", "kept", "a_window", "fitted_ago", "fitted_to", "tried_ago", "drift", "expected"),
    [
        ("never fitted", 256, 16, np.nan, 0, np.inf, np.nan, True),
        ("too few vectors", 255, 16, np.nan, 0, np.inf, np.nan, False),
        ("too few long windows", 799, 100, np.nan, 0, np.inf, np.nan, False),
        ("enough long windows", 800, 100, np.nan, 0, np.inf, np.nan, True),
        ("fresh", 4000, 16, HOUR, 4000, HOUR, 0.2, False),
        ("old", 4000, 16, 6 * HOUR, 4000, 6 * HOUR, 0.2, True),
        ("drifted up", 4000, 16, 2 * HOUR, 4000, 2 * HOUR, 1.2, True),
        ("drifted down", 4000, 16, 2 * HOUR, 4000, 2 * HOUR, -1.2, True),
        ("drifted, but just fitted", 4000, 16, HOUR, 4000, HOUR, 1.2, False),
        ("history has doubled", 600, 16, 2 * HOUR, 300, 2 * HOUR, 0.2, True),
        ("history has grown", 590, 16, 2 * HOUR, 300, 2 * HOUR, 0.2, False),
        ("history is full", 9000, 16, 2 * HOUR, 4000, 2 * HOUR, 0.2, False),
        ("failed just now", 4000, 16, np.nan, 4000, HOUR, np.nan, False),
        ("failed a while ago", 4000, 16, np.nan, 4000, 1.5 * HOUR, np.nan, True),
    ],
)
def test_a_model_is_due(
    why: str,
    kept: int,
    a_window: int,
    fitted_ago: float,
    fitted_to: int,
    tried_ago: float,
    drift: float,
    *,
    expected: bool,
) -> None:
    now = 1e6
    standing = Standing(
        np.array([[kept]]),
        np.array([[a_window]]),
        np.array([[now - fitted_ago]]),
        np.array([[fitted_to]]),
        np.array([[now - tried_ago]]),
        np.array([[drift]]),
    )
    assert due(standing, EVERY, now).item() is expected, why
