"""CPU time of one full collection, beside node_exporter's CPU time of one scrape.

`python -m tests.bench.collectors` prints milliseconds and their ratio. Theirs has the rendering
and the HTTP in it and ours has not; the part without netclass compares equal work, since theirs
reads some twenty files for each link and ours reads three.
"""

import gc
import statistics
import time
from collections.abc import Iterable, Sequence

from exporter.collectors import COLLECTORS
from exporter.collectors.contract import Paths
from tests.exporter.collectors import peer
from tests.exporter.collectors.page import HOST_COLLECTORS

ROUNDS = 7
REPEATS = 60


def ours(names: Iterable[str]) -> tuple[float, int]:
    """Return the CPU milliseconds of one collection in this process, and its series."""
    collectors, paths, series = [COLLECTORS[name]() for name in names], Paths(), 0
    start = time.process_time()
    for _ in range(REPEATS):
        series = sum(len(list(collector.collect(paths))) for collector in collectors)
    return (time.process_time() - start) / REPEATS * 1000, series


def theirs(node: peer.Peer) -> tuple[float, int]:
    """Return the CPU milliseconds of one scrape of node_exporter, and its series."""
    start = node.cpu_seconds()
    pages = [node.scrape() for _ in range(REPEATS)]
    series = [line for line in pages[-1].splitlines() if line.startswith("node_")]
    return (node.cpu_seconds() - start) / REPEATS * 1000, len(series)


def compare(title: str, names: Sequence[str]) -> None:
    """Alternate the two, and print the ratio of the medians."""
    with peer.node_exporter(names) as node:
        rounds = [(ours(names), theirs(node)) for _ in range(ROUNDS)]
    (own, own_series), (other, other_series) = rounds[-1]
    own = statistics.median(a for (a, _), _ in rounds)
    other = statistics.median(b for _, (b, _) in rounds)
    print(
        f"{title:18} ours {own:.2f} ms, {own_series} series;"
        f" node_exporter {other:.2f} ms, {other_series} series; ratio {own / other:.2f}"
    )


def main() -> None:
    """Print one line for all collectors, one without netclass, and one for each collector."""
    gc.freeze()
    compare("all", HOST_COLLECTORS)
    compare("without netclass", [name for name in HOST_COLLECTORS if name != "netclass"])
    for name in (*HOST_COLLECTORS, "process"):
        print(f"  {name:16} ours {ours([name])[0] * 1000:.0f} us")


if __name__ == "__main__":
    main()
