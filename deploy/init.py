"""What docker-compose.yml's one-shot services run: tokens and targets into the stack's volumes."""

import os
import secrets
import sys
from pathlib import Path

from deploy.home import TOKENS, write_once, write_target

_SECRETS = Path("/secrets")
_TARGETS = Path("/targets")
_TOCSIN = 10001  # the user of deploy/Dockerfile
_NOBODY = 65534  # who prom/prometheus and prom/alertmanager run as
_GRAFANA = 472  # who grafana/grafana runs as

_STACK = {
    "exporter": "exporter:9847",
    "receiver": "receiver:9848",
    "prometheus": "prometheus:9090",
    "alertmanager": "alertmanager:9093",
}
# What a profile adds; the label keeps its series apart from those of the first of its kind.
_PROFILES = {
    "gpu": ("exporter-gpu", "exporter-gpu:9847", {"exporter": "gpu"}),
    "ha": ("alertmanager-2", "alertmanager-2:9093", {"replica": "2"}),
}


def main(arguments: list[str]) -> int:
    """Run one of: no argument (base), a profile's name, `secret NAME` (its text from stdin)."""
    match arguments:
        case []:
            _write_base()
        case ["secret", name] if Path(name).name == name:
            _put_secret(name, sys.stdin.read().strip() + "\n")
        case [profile] if profile in _PROFILES:
            name, address, labels = _PROFILES[profile]
            write_target(_TARGETS, name, address, **labels)
        case _:
            print("usage: init [gpu | ha | secret NAME]", file=sys.stderr)
            return 2
    return 0


def _write_base() -> None:
    for token in TOKENS:
        _make_secret(token, _TOCSIN, _NOBODY, 0o440)
    _make_secret("grafana.password", _GRAFANA, _GRAFANA, 0o400)
    for name, _, _ in _PROFILES.values():  # a profile that is up writes its own again
        (_TARGETS / f"{name}.yml").unlink(missing_ok=True)
    for name, address in _STACK.items():
        write_target(_TARGETS, name, address)


def _make_secret(name: str, user: int, group: int, mode: int) -> None:
    """Write a random secret unless there is one; it is never readable by anyone else."""
    path = _SECRETS / name
    if write_once(path, secrets.token_urlsafe(32) + "\n", mode):
        os.chown(path, user, group)


def _put_secret(name: str, text: str) -> None:
    path = _SECRETS / name
    path.unlink(missing_ok=True)
    write_once(path, text, 0o400)
    os.chown(path, _TOCSIN, _TOCSIN)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
