import json
import subprocess
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from deploy.demo import FLAVOUR
from deploy.home import Flavour, Ports, prepare
from deploy.stack import answers
from tests.deploy.kit import ROOT, free_ports, wait_until

SOON = 30


@pytest.fixture(params=[Flavour(), FLAVOUR], ids=["stack", "demo"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    prepare(tmp_path, Ports(), request.param)
    return tmp_path


def test_prometheus_accepts_its_file_with_rules_targets_and_tokens(home: Path) -> None:
    checked = subprocess.run(
        ["promtool", "check", "config", home / "prometheus.yml"],
        capture_output=True,
        text=True,
        check=False,
        timeout=SOON,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "rule files found" in checked.stdout
    assert "WARN" not in checked.stdout + checked.stderr


def test_alertmanager_accepts_its_file(home: Path) -> None:
    subprocess.run(["amtool", "check-config", home / "alertmanager.yml"], check=True, timeout=SOON)


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ({"alertname": "HostMemoryLow", "severity": "warning"}, "tocsin"),
        ({"alertname": "HostDiskAlmostFull", "severity": "critical"}, "tocsin"),
        ({"alertname": "HostCpuHigh", "severity": "info"}, "tocsin"),
        ({"alertname": "WithoutSeverity"}, "tocsin"),
        ({"alertname": "Watchdog", "severity": "none"}, "heartbeat"),
        ({"alertname": "InfoInhibitor", "severity": "none"}, "nobody"),
    ],
)
def test_an_alert_goes_to_its_receiver(labels: Mapping[str, str], receiver: str) -> None:
    pairs = [f"{name}={value}" for name, value in labels.items()]
    file = ROOT / "deploy/alertmanager.yml"
    routed = subprocess.run(
        ["amtool", "config", "routes", "test", f"--config.file={file}", *pairs],
        capture_output=True,
        text=True,
        check=True,
        timeout=SOON,
    )
    assert routed.stdout.strip() == receiver


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a real Alertmanager with the shipped file; its webhooks lead nowhere."""
    folder = tmp_path_factory.mktemp("alertmanager")
    prepare(folder, Ports(), Flavour())
    url = f"http://127.0.0.1:{free_ports(1)}"
    command = [
        "prometheus-alertmanager",
        f"--config.file={folder}/alertmanager.yml",
        f"--storage.path={folder}/data",
        f"--web.listen-address={url.removeprefix('http://')}",
        "--cluster.listen-address=",
    ]
    with (folder / "output").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until(lambda: answers(f"{url}/-/ready"), "Alertmanager is ready")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=SOON)


def ask(url: str, document: object = None) -> Any:
    body = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=SOON) as reply:
        text = reply.read()
    return json.loads(text) if text else None


def alert(name: str, severity: str, **labels: str) -> dict[str, str]:
    return {"alertname": name, "severity": severity, "cluster": "c", **labels}


UNREACHABLE = alert("HostUnreachable", "critical", job="node", instance="a")
FULL = {"device": "sda1", "mountpoint": "/"}


@pytest.mark.parametrize(
    ("source", "target", "muted"),
    [
        (
            alert("HostDiskFilling", "critical", instance="a", **FULL),
            alert("HostDiskFilling", "warning", instance="a", **FULL),
            True,
        ),
        (
            alert("HostDiskFilling", "critical", instance="a", **FULL),
            alert("HostDiskFilling", "warning", instance="a", device="sdb1", mountpoint="/data"),
            False,
        ),
        (
            alert("HostDiskFilling", "critical", instance="a", **FULL),
            alert("HostDiskFilling", "warning", instance="b", **FULL),
            False,
        ),
        (alert("Cpu", "warning", instance="a"), alert("Cpu", "info", instance="a"), True),
        (alert("Cpu", "warning", instance="a"), alert("Cpu", "critical", instance="a"), False),
        (UNREACHABLE, alert("HostMemoryLow", "warning", job="node", instance="a"), True),
        (UNREACHABLE, alert("HostMemoryLow", "warning", job="node", instance="b"), False),
        (UNREACHABLE, alert("StoreDown", "critical", job="receiver", instance="a"), False),
        (UNREACHABLE, alert("TargetDown", "warning", job="node"), True),
        (UNREACHABLE, alert("TargetDown", "warning", job="receiver"), False),
        (alert("TargetDown", "warning", job="node"), alert("Watchdog", "none"), False),
        (alert("TargetDown", "warning", job="a"), alert("JobAbsent", "critical", job="a"), False),
        (
            alert("InfoInhibitor", "none", job="node", instance="a"),
            alert("HostCpuHigh", "info", job="node", instance="a"),
            True,
        ),
        (
            alert("InfoInhibitor", "none", job="node", instance="a"),
            alert("HostMemoryLow", "warning", job="node", instance="a"),
            False,
        ),
    ],
)
def test_an_alert_mutes_what_it_explains_and_nothing_else(
    alertmanager: str,
    source: dict[str, str],
    target: dict[str, str],
    muted: bool,  # noqa: FBT001 -- the expectation of a row
) -> None:
    alone = uuid.uuid4().hex  # a cluster of its own, because alerts of other rows still fire
    # The last two show that Alertmanager has taken in what came before them.
    batch = [source, target, alert("Last", "critical"), alert("Last", "info")]
    labels = [{**one, "cluster": alone} for one in batch]
    ask(f"{alertmanager}/api/v2/alerts", [{"labels": one} for one in labels])
    query = urllib.parse.urlencode({"filter": f'cluster="{alone}"'})

    def is_muted(which: dict[str, str]) -> bool:
        found = ask(f"{alertmanager}/api/v2/alerts?{query}")
        return any(one["status"]["inhibitedBy"] for one in found if one["labels"] == which)

    wait_until(lambda: is_muted(labels[3]), "the last one is muted", SOON)
    assert is_muted(labels[1]) is muted
