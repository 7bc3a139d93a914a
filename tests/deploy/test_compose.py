import re
import shutil
import subprocess
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from deploy.home import DEPLOY, TOKENS
from deploy.init import _STACK

COMPOSE = DEPLOY / "docker-compose.yml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]
EVERY = pytest.mark.parametrize("name", SERVICES)


@EVERY
def test_a_container_may_do_nothing_that_it_need_not(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pids_limit"]
    assert service["mem_limit"]
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}
    assert "privileged" not in service


@EVERY
def test_a_port_is_published_on_loopback_alone(name: str) -> None:
    ports = SERVICES[name].get("ports", [])
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_no_two_services_publish_the_same_port() -> None:
    published = [port.split(":")[1] for s in SERVICES.values() for port in s.get("ports", [])]
    assert len(set(published)) == len(published)


@EVERY
def test_an_image_is_pinned_to_a_version(name: str) -> None:
    assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", SERVICES[name]["image"])


@EVERY
def test_what_is_of_the_host_is_mounted_read_only(name: str) -> None:
    for volume in SERVICES[name]["volumes"]:
        found = re.fullmatch(r"(\$\{[^}]+\}[^:]*|[^:]+):([^:]+)(?::(.+))?", volume)
        assert found
        source, _, options = found.groups("")
        is_volume = re.fullmatch(r"[\w-]+", source) is not None
        assert is_volume or "ro" in options.split(",")


@EVERY
def test_a_service_starts_once_tokens_and_targets_are_there(name: str) -> None:
    if name == "init":
        return
    waits = SERVICES[name]["depends_on"]
    assert all(wait == {"condition": "service_completed_successfully"} for wait in waits.values())
    assert all(other.startswith("init") for other in waits)


def test_profiles_add_services_and_never_stand_in_the_way_of_the_others() -> None:
    profiles = {name: s["profiles"] for name, s in SERVICES.items() if "profiles" in s}
    assert profiles == {
        "init-gpu": ["gpu"],
        "exporter-gpu": ["gpu"],
        "init-ha": ["ha"],
        "alertmanager-2": ["ha"],
    }


def test_the_base_image_of_both_targets_is_pinned() -> None:
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    assert re.search(r"^ARG PYTHON=python:\d+\.\d+\.\d+-slim-\w+$", text, re.MULTILINE)
    assert re.findall(r"^FROM (\S+) AS", text, re.MULTILINE).count("${PYTHON}") == 2
    assert "USER 10001:10001" in text
    assert text.count("HEALTHCHECK") == 2


@pytest.mark.parametrize("profiles", [[], ["gpu"], ["ha"], ["gpu", "ha"]])
def test_compose_itself_accepts_the_file(profiles: list[str]) -> None:
    command = ["docker", "compose"]
    if subprocess.run([*command, "version"], capture_output=True, check=False).returncode:
        if not shutil.which("docker-compose"):
            pytest.skip("neither `docker compose` nor `docker-compose` is installed")
        command = ["docker-compose"]
    options = [part for profile in profiles for part in ("--profile", profile)]
    subprocess.run(
        [*command, "--file", COMPOSE, *options, "config", "--quiet"], check=True, timeout=60
    )


def test_the_receiver_asks_the_alertmanager_that_tells_it() -> None:
    asked = urlsplit(SERVICES["receiver"]["environment"]["TOCSIN_ALERTMANAGER"])
    assert f"{asked.hostname}:{asked.port}" == _STACK["alertmanager"]
    assert asked.hostname in SERVICES


def test_the_receiver_asks_the_prometheus_of_the_stack() -> None:
    asked = urlsplit(SERVICES["receiver"]["environment"]["TOCSIN_PROMETHEUS"])
    assert asked.hostname in SERVICES


def test_every_token_that_is_made_is_used() -> None:
    used = "".join(
        (DEPLOY / name).read_text("utf-8")
        for name in ("prometheus.yml", "alertmanager.yml", "exporter.yml", "receiver.yml")
    )
    assert all(f"secrets/{token}" in used for token in TOKENS)
