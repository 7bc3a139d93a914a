"""How long it takes to verify an audit of 100,000 rows, and to add one to it.

`python -m tests.bench.audit [--rows N]`
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from sqlalchemy import Connection

from receiver.intake.webhook import parse
from receiver.store import audit
from receiver.store.audit import Change
from receiver.store.clock import utc_now
from receiver.store.store import Store

_PIECE, _ADDED = 5_000, 200


def _fill(connection: Connection, rows: int) -> None:
    detail = "step 1: /usr/bin/systemctl restart web@1: done after 0.212 s: exit 0"
    for n in range(rows):
        audit.note(connection, Change("tocsin", "act", f"run {n}", detail), utc_now())


async def _measure(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = await Store.open(Path(folder, "tocsin.db"), parse, patience=60)
        try:
            for start in range(0, rows, _PIECE):
                await store._writer.run(_fill, min(_PIECE, rows - start))
            began = time.perf_counter()
            found = await store.auditing.verify()
            took = time.perf_counter() - began
            began = time.perf_counter()
            await store._writer.run(_fill, _ADDED)
            added = (time.perf_counter() - began) / _ADDED
        finally:
            await store.close()
    print(f"{found.rows} rows verified in {took:.2f} s; a row is added in {added * 1e6:.0f} us")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    asyncio.run(_measure(parser.parse_args().rows))


if __name__ == "__main__":
    main()
