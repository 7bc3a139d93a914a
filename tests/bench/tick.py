"""CPU and memory of the serving process with scoring on, beside node_exporter where it is.

Run: python tests/bench/tick.py [--cycle 1] [--cycles 30]
One cycle is one tick and one scrape; the share of a core at 15 s is the CPU of a cycle / 15 s.
"""

import argparse
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

import psutil

ROOT = Path(__file__).parents[2]
CONFIG = "interval: {cycle:g}s\nlisten: {address}\nscoring: {{grace: {grace:g}s}}\n"


@contextmanager
def running(*argv: str) -> Iterator[psutil.Process]:
    process = subprocess.Popen(argv, stderr=subprocess.DEVNULL, cwd=ROOT)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=30)


def free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def scrape(address: str) -> tuple[float, int]:
    """Return the seconds and the number of series of one scrape."""
    started = time.perf_counter()
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as answer:
        page = answer.read().decode()
    seconds = time.perf_counter() - started
    return seconds, sum(not line.startswith("#") for line in page.splitlines())


def wait_until_up(address: str) -> None:
    for _ in range(200):
        try:
            scrape(address)
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"{address} does not answer")


def measure(name: str, process: psutil.Process, address: str, options: argparse.Namespace) -> None:
    wait_until_up(address)
    for _ in range(15):
        time.sleep(options.cycle)
    before = process.cpu_times()
    scrapes = []
    for _ in range(options.cycles):
        time.sleep(options.cycle)
        scrapes.append(scrape(address))
    after = process.cpu_times()
    cpu = (after.user + after.system - before.user - before.system) / options.cycles
    p50 = statistics.median(seconds for seconds, _ in scrapes)
    rss = process.memory_info().rss / 2**20
    print(
        f"{name:14} {scrapes[-1][1]:5} series  scrape p50 {p50 * 1e3:6.2f} ms  "
        f"CPU {cpu * 1e3:6.2f} ms a cycle = {cpu / 15:.3%} of a core at 15 s  RSS {rss:5.1f} MiB",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycle", type=float, default=1.0)
    parser.add_argument("--cycles", type=int, default=30)
    options = parser.parse_args()
    address = free_address()
    with NamedTemporaryFile("w", suffix=".yml") as config:
        config.write(CONFIG.format(cycle=options.cycle, address=address, grace=options.cycle))
        config.flush()
        with running(sys.executable, "-m", "exporter", "serve", "--config", config.name) as process:
            measure("exporter", process, address, options)
    if peer := shutil.which("prometheus-node-exporter"):
        address = free_address()
        with running(peer, f"--web.listen-address={address}") as process:
            measure("node_exporter", process, address, options)


if __name__ == "__main__":
    main()
