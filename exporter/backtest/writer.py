"""Writes a replay as CSV: the rows as they came, with what the serving code said beside them."""

from pathlib import Path

from exporter.backtest.run import COLUMNS, Replay

_HEADER = ",".join(("timestamp", "value", *COLUMNS))
_NUMBERS = "%.7g,%.7g,%.7g,%.9g,%.9g,%.9g"


def write(replay: Replay, path: Path) -> None:
    """Write one file; a cell is empty where there is no score."""
    path.parent.mkdir(parents=True, exist_ok=True)
    numbers = zip(*replay.columns.tolist(), strict=True)
    with path.open("w", encoding="utf-8") as file:
        file.write(_HEADER + "\n")
        file.writelines(
            f"{text},{(_NUMBERS % said).replace('nan', '')}\n"
            for text, said in zip(replay.series.rows(), numbers, strict=True)
        )
