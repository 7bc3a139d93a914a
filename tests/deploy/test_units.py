import re
import shutil
import subprocess

import pytest

from deploy.home import DEPLOY

UNITS = pytest.mark.parametrize("name", ["exporter", "receiver"])


@UNITS
def test_systemd_rates_the_unit_as_hardened(name: str) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    unit = DEPLOY / f"tocsin-{name}.service"
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", unit],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    found = re.search(r"Overall exposure level for \S+: (\d+\.\d)", rated.stdout)
    assert found, rated.stdout + rated.stderr
    assert float(found[1]) <= 2.0


@UNITS
def test_systemd_understands_every_line_of_the_unit(name: str) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    unit = DEPLOY / f"tocsin-{name}.service"
    verified = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60, check=False
    )
    complaints = [
        line for line in verified.stderr.splitlines() if "is not executable" not in line
    ]  # only the program itself is not installed here
    assert not complaints


@UNITS
def test_every_secret_of_the_settings_is_handed_over_by_systemd(name: str) -> None:
    unit = (DEPLOY / f"tocsin-{name}.service").read_text("utf-8")
    settings = (DEPLOY / f"{name}.yml").read_text("utf-8")
    used = re.findall(r"^[^#\n]*secrets/([\w.]+)", settings, re.MULTILINE)
    handed = re.findall(r"^LoadCredential=(.+):/etc/tocsin/secrets/(.+)$", unit, re.MULTILINE)
    assert handed == [(token, token) for token in used]
