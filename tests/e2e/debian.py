"""Newer servers than the installed ones, unpacked from another suite of Debian beside them."""

import os
import re
import subprocess
from pathlib import Path

import pytest

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_PACKAGES = ("prometheus", "promtool", "prometheus-alertmanager")
_SECONDS = 120


def fetch(suite: str, folder: Path) -> Path:
    """Unpack the suite's Prometheus and Alertmanager; returns the folder of their programs.

    Skips the test where they cannot be had.
    """
    apt = {**os.environ, "APT_CONFIG": str(_configure(suite, folder))}
    _run(["apt-get", "update"], folder, apt)
    _run(["apt-get", "download", *(f"{name}/{suite}" for name in _PACKAGES)], folder, apt)
    for package in folder.glob("*.deb"):
        _run(["dpkg-deb", "-x", str(package), str(folder / "root")], folder, apt)
    return folder / "root/usr/bin"


def _configure(suite: str, folder: Path) -> Path:
    """Write an APT configuration of its own, so that the machine's stays as it is."""
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    signed = f"[signed-by={_KEYRING}] " if _KEYRING.exists() else ""
    (folder / "sources.list").write_text(f"deb {signed}{_mirror()} {suite} main\n")
    configuration = folder / "apt.conf"
    configuration.write_text(
        f'Dir::Etc::SourceList "{folder}/sources.list";\n'
        'Dir::Etc::SourceParts "-";\n'
        f'Dir::State::Lists "{folder}/lists";\n'
        f'Dir::Cache "{folder}/cache";\n'
        'APT::Sandbox::User "root";\n'
    )
    return configuration


def _mirror() -> str:
    """Return the mirror that this machine takes Debian from."""
    sources = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]
    text = "\n".join(path.read_text() for path in sources if path.is_file())
    found = re.search(r"^(?:URIs:|deb(?: \[[^]]*\])?) +(\S+/debian)/?\s", text, re.MULTILINE)
    if not found:
        pytest.skip("this machine takes no packages from a Debian mirror")
    return found[1]


def _run(argv: list[str], folder: Path, environment: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            argv,
            check=False,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"newer servers cannot be had: {error}")
    if done.returncode:
        pytest.skip(f"newer servers cannot be had: {done.stderr.strip().splitlines()[-1:]}")
