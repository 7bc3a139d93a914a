import json
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from time import monotonic, sleep

import pytest
from aiohttp import ClientSession

from receiver import metrics
from receiver.metrics import Metrics
from receiver.upstream.asking import AskError
from receiver.upstream.prometheus import Prometheus, ask_now

MOUNT = 'C:\\ "x" {$1}'
"""A label's value that would break an expression in which it is not quoted."""
_SIGNAL = {"instance": "db-1:9847", "signal": "disk_utilisation", "device": "sda"}
_RECORDED = {
    "disk:ratio": (0.93, {"instance": "db-1:9100", "mountpoint": MOUNT}),
    "tocsin_signal_value": (0.9, _SIGNAL),
    "tocsin_expected_lower": (0.1, _SIGNAL),
    "tocsin_expected_upper": (0.3, _SIGNAL),
    "tocsin_anomaly_deviation": (2.5, _SIGNAL),
    "tocsin_anomaly_active": (1.0, _SIGNAL),
}


@pytest.fixture
def numbers() -> Metrics:
    return metrics.create("0", [])


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run Debian's Prometheus, whose rules make series out of nothing; yields its URL."""
    if not shutil.which("prometheus"):
        pytest.skip("Debian's prometheus is not installed")
    folder = tmp_path_factory.mktemp("prometheus")
    rules: list[dict[str, object]] = [
        {"record": name, "expr": f"vector({value})", "labels": labels}
        for name, (value, labels) in _RECORDED.items()
    ]
    rules += [{"record": "disk:ratio", "expr": "vector(0.2)", "labels": {"instance": "db-2:9100"}}]
    rules += [
        {"alert": "Full", "expr": "disk:ratio > 0.9 unless disk_readonly == 1"},
        {"alert": "HostAnomalous", "expr": "sum by (instance) (tocsin_anomaly_active) > 0"},
    ]
    group = {"name": "all", "interval": "1s", "rules": rules}
    (folder / "rules.yml").write_text(json.dumps({"groups": [group]}), "utf-8")
    config = {"global": {"evaluation_interval": "1s"}, "rule_files": ["rules.yml"]}
    (folder / "prometheus.yml").write_text(json.dumps(config), "utf-8")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    process = subprocess.Popen(
        [
            "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}",
        ],
        stderr=subprocess.DEVNULL,
    )
    yield f"http://{address}"
    process.terminate()
    process.wait(timeout=30)


@pytest.fixture
async def prometheus(real: str, http: ClientSession) -> Prometheus:
    """Wait until the last of its series is there."""
    told, end = Prometheus(url=real), monotonic() + 60
    while monotonic() < end:
        try:
            if await ask_now(http, told, "tocsin_anomaly_active", datetime.now(UTC)):
                return told
        except AskError:
            pass
        sleep(0.1)  # noqa: ASYNC251 -- nothing else runs here
    raise AssertionError("Prometheus has no series")
