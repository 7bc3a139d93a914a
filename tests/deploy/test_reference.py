import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.home import DEPLOY
from exporter.collectors import COLLECTORS
from exporter.config import Config as ExporterConfig
from receiver.channels import CHANNELS
from receiver.config import Config as ReceiverConfig
from tests.fakes import certs

# What stands in a secret's file must be of the secret's kind.
SECRETS = {
    "ops.url": "https://oapi.dingtalk.com/robot/send?access_token=0",
    "ops2.url": "https://oapi.dingtalk.com/robot/send?access_token=1",
    "ops.secret": "SEC0",
    "lark.url": "https://open.larksuite.com/open-apis/bot/v2/hook/0",
    "hook.url": "https://hooks.slack.com/services/T0/B0/0",
    "slack.token": "xoxb-0",
    "work.url": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=0",
    "teams.url": "https://example.com/workflows/0/triggers/manual/paths/invoke?sig=0",
    "texts.url": "https://sms.example.com/send",
    "matrix.url": "matrix://token@matrix.example.com/#ops",
    "other.url": "https://discord.com/api/webhooks/0/0",
}


def turn_on(text: str) -> str:
    """Turn every commented-out setting on: those lines have no blank behind their `#`."""
    return re.sub(r"^(\s*)#(?! \S)(?=.)", r"\1", text, flags=re.MULTILINE)


def check(folder: Path, package: str, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "secrets").mkdir()
    for name in re.findall(r"secrets/([\w.]+)", text):
        (folder / "secrets" / name).write_text(SECRETS.get(name, "0123456789"), "utf-8")
    (folder / "templates").mkdir()
    shutil.copytree(DEPLOY / "runbooks", folder / "runbooks")
    made = certs.make(folder / "secrets")  # as server.pem and server.key
    shutil.copy(made.authority, folder / "secrets/clients.pem")
    (folder / "settings.yml").write_text(text, "utf-8")
    return subprocess.run(
        [sys.executable, "-m", package, "check", "--config", folder / "settings.yml"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("package", "file"),
    [
        ("exporter", "exporter.yml"),
        ("exporter", "exporter-gpu.yml"),
        ("exporter", "demo/exporter.yml"),
        ("receiver", "receiver.yml"),
    ],
)
@pytest.mark.parametrize("change", [str, turn_on], ids=["as it is", "all turned on"])
def test_a_shipped_file_of_settings_is_accepted(
    tmp_path: Path, package: str, file: str, change: type[str]
) -> None:
    checked = check(tmp_path, package, change((DEPLOY / file).read_text("utf-8")))
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("file", "keys"),
    [
        ("exporter.yml", [*ExporterConfig.model_fields, *COLLECTORS]),
        ("receiver.yml", [*ReceiverConfig.model_fields, *(f"type: {name}" for name in CHANNELS)]),
    ],
)
def test_the_reference_names_every_key(file: str, keys: list[str]) -> None:
    text = (DEPLOY / file).read_text("utf-8")
    missing = [key for key in keys if not re.search(rf"^[\s#]*.*\b{key}\b", text, re.MULTILINE)]
    assert not missing


def test_the_gpu_exporter_leaves_the_host_to_the_first_one() -> None:
    text = (DEPLOY / "exporter-gpu.yml").read_text("utf-8")
    off = set(re.findall(r"^  (\w+): false$", text, re.MULTILINE))
    assert off == set(COLLECTORS) - {"process", "gpu"}
