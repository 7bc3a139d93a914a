"""How well the scores find labelled anomalies: NAB's scorer and the KPI challenge's.

Each set is replayed in a process of its own, as one block, by the code of `backtest`, and scored
by the scripts in --tools (nab_score.py, kpi_score.py).

Run: python tests/bench/accuracy.py --tools FOLDER [--nab FOLDER] [--kpi FILE] [--keep FOLDER]
where the NAB folder holds data/ and labels/combined_windows.json, and the KPI file is an npz.
"""

import argparse
import csv
import importlib.util
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from exporter.backtest import tree
from exporter.backtest.reader import read
from exporter.backtest.run import Replay, replay
from exporter.backtest.series import Series
from exporter.backtest.writer import write
from exporter.detectors.scoring import Rule
from exporter.model import FloatArray
from tests.bench.side_by_side import Tell, side_by_side

LONG = "kpi06,kpi07,kpi11,kpi27,kpi28"
"""These hold two thirds of all labelled points, in one segment each."""
NARROW = ("anomaly_score", "deviation", "novelty")
Parts = list[tuple[FloatArray, FloatArray]]


def kpi_series(path: Path) -> list[Series]:
    data = np.load(path)
    names = sorted(name[:-2] for name in data.files if name.endswith("_t"))
    return [
        Series(
            PurePosixPath(f"{name}.csv"),
            data[f"{name}_t"].astype(float),
            data[f"{name}_x"].astype(float),
            "",
        )
        for name in names
    ]


def write_narrow(one: Replay, path: Path) -> None:
    """Write what kpi_score.py reads, and no more: it reads 3.4 million rows in plain Python."""
    columns = [np.nan_to_num(one.column(name)).tolist() for name in NARROW]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("timestamp", *NARROW))
        writer.writerows(zip(one.series.times.tolist(), *columns, strict=True))


def ask(what: str, *argv: object) -> str:
    """Run a scorer, and return what it says below a heading."""
    command = [sys.executable, *map(str, argv)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)
    text = done.stdout if done.returncode == 0 else done.stdout + done.stderr
    return f"{what}\n" + "".join(f"  {line}\n" for line in text.splitlines())


def judge_nab(done: Sequence[Replay], folder: Path, arguments: argparse.Namespace) -> list[str]:
    for one in done:
        write(one, folder / one.series.name)
    tool = [arguments.tools / "nab_score.py", folder, "--labels"]
    tool.append(arguments.nab / "labels" / "combined_windows.json")
    more = ["--per-file"] if arguments.per_file else []
    best = ask("NAB, best threshold", *tool, "--split", "--per-category", *more)
    return [best, ask("NAB, threshold 1", *tool, "--threshold", 1)]


def judge_kpi(done: Sequence[Replay], folder: Path, arguments: argparse.Namespace) -> list[str]:
    folder.mkdir(parents=True)
    for one in done:
        write_narrow(one, folder / one.series.name)
    tool = [arguments.tools / "kpi_score.py", arguments.kpi, "--results", folder]

    def whole(without: str) -> str:
        said = ask(f"KPI without {without or 'none'}", *tool, "--without", without)
        return f"{said}  {at_one(done, arguments, without.split(','))}\n"

    def alone(column: str) -> str:
        return ask(f"KPI, {column} alone", *tool, "--column", column)

    with ThreadPoolExecutor(2) as pool:  # each takes a minute to read the rows
        wholes = pool.map(whole, ("", arguments.without))
        return [*wholes, *pool.map(alone, NARROW[1:])]


def at_one(done: Sequence[Replay], arguments: argparse.Namespace, without: Sequence[str]) -> str:
    """Return F1 on the second halves at threshold 1, by kpi_score's own function."""
    path = arguments.tools / "kpi_score.py"
    spec = importlib.util.spec_from_file_location("kpi_score", path)
    assert spec
    assert spec.loader
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    data = np.load(arguments.kpi)
    parts: Parts = []
    for one in done:
        name = one.series.name.stem
        if name not in without:
            half = len(one.series.times) // 2
            score = np.nan_to_num(one.column("anomaly_score"))
            parts.append((score[half:], data[f"{name}_y"][half:]))
    f1, precision, recall, _ = module.f1(parts, 1.0)
    figures = f"F1 {f1:.4f}  precision {precision:.3f}  recall {recall:.3f}"
    return f"second half, threshold 1:              {figures}"


def calm(done: Sequence[Replay]) -> str:
    """Say how many alarms there were, and who raised them."""
    alarms = sum(int(one.alarms.sum()) for one in done)
    weeks = sum(float(one.series.times[-1] - one.series.times[0]) for one in done) / 604_800
    return f"{alarms} alarms, {alarms / weeks:.2f} a week and series"


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools", type=Path, required=True)
    parser.add_argument("--nab", type=Path)
    parser.add_argument("--kpi", type=Path)
    parser.add_argument("--without", default=LONG, help="KPIs to leave out the second time")
    parser.add_argument("--sensitivity", type=float, default=1.0, metavar="ALARMS_A_WEEK")
    parser.add_argument("--per-file", action="store_true", help="a line for each file of NAB")
    parser.add_argument("--keep", type=Path, help="an empty folder for the scores")
    return parser.parse_args()


def judged(task: tuple[str, argparse.Namespace], tell: Tell) -> str:
    """Replay and score the set of this name; return what to print of it."""
    name, arguments = task
    root = arguments.nab / "data" if arguments.nab else Path()
    nab = name == "nab"
    series = [read(path, root) for path in tree.find(root)] if nab else kpi_series(arguments.kpi)
    started = time.monotonic()
    (done,) = replay(series, Rule(300.0), [arguments.sensitivity], tell)
    took = time.monotonic() - started
    values = sum(len(one.times) for one in series)
    heading = f"{name.upper()}: {values} values of {len(series)} series in {took:.0f} s"
    judge = judge_nab if nab else judge_kpi
    with tempfile.TemporaryDirectory() as folder:
        said = judge(done, (arguments.keep or Path(folder)) / name, arguments)
    return "\n".join([f"{heading}\n{calm(done)}", *said])


def main() -> None:
    arguments = parsed()
    names = [name for name in ("kpi", "nab") if getattr(arguments, name)]
    weights = [{"kpi": 8.0, "nab": 1.0}[name] for name in names]
    said = side_by_side(judged, [(name, arguments) for name in names], weights)
    print("\n".join(reversed(said)))


if __name__ == "__main__":
    main()
