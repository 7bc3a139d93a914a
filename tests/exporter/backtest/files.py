"""Makes and reads the CSV files of the tests."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

START = 1_700_000_000
STEP = 60


def noise(rows: int, seed: int = 1) -> list[float]:
    return list(10 + np.random.default_rng(seed).standard_normal(rows).round(3))


def with_spike(rows: int = 600, at: int = 500) -> list[float]:
    values = noise(rows)
    values[at] = 500.0
    return values


def write(path: Path, values: Sequence[float], labels: Sequence[int] = ()) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    marks = [f",{label}" for label in labels] or [""] * len(values)
    lines = [f"{START + i * STEP},{v}{marks[i]}" for i, v in enumerate(values)]
    header = "timestamp,value" + (",label" if labels else "")
    path.write_text("\n".join([header, *lines]) + "\n", "utf-8")
    return path


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
