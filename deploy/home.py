"""The state folder: the user's own settings, the tokens, and what is rendered for the servers."""

import json
import os
import secrets
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Self

DEPLOY = Path(__file__).resolve().parent
PAGES = {"exporter": "exporter.token", "receiver": "read.token"}
"""The token that opens the pages of each process."""
TOKENS = (*PAGES.values(), "alertmanager.token")


class SetUpError(Exception):
    """Something that the user must put right; the message is one line that says what and how."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where each part of the stack listens, on loopback."""

    exporter: int = 9847
    receiver: int = 9848
    prometheus: int = 9090
    alertmanager: int = 9093

    @classmethod
    def from_base(cls, base: int) -> Self:
        """Four ports in a row, the exporter's first."""
        return cls(base, base + 1, base + 2, base + 3)

    def check_free(self) -> None:
        """Raise SetUpError that names the first port that something else holds."""
        for part in fields(self):
            port = getattr(self, part.name)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as error:
                    raise SetUpError(
                        f"port {port} for {part.name} cannot be had ({error.strerror}); "
                        f"what holds it was left alone; move all four with --port-base N"
                    ) from error


@dataclass(frozen=True, slots=True)
class Flavour:
    """What the stack is made from; `*_changes` are replacements in the text of a server's file."""

    exporter: Path = DEPLOY / "exporter.yml"
    rules: Path = DEPLOY.parent / "rules"
    prometheus_changes: Mapping[str, str] = field(default_factory=dict)
    alertmanager_changes: Mapping[str, str] = field(default_factory=dict)


def write_once(path: Path, text: str, mode: int) -> bool:
    """Create a file, whole or not at all, unless it is there; returns whether it was created."""
    if path.exists():
        return False
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        file.write(text)
    draft.rename(path)
    return True


def make_token(path: Path) -> None:
    """Write a random token unless the user has one there, and see that it can be read."""
    write_once(path, secrets.token_urlsafe(32) + "\n", 0o600)
    try:
        content = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not text"
        raise SetUpError(
            f"cannot read the token {path} ({why}); make it readable, or remove it for a new one"
        ) from error
    if not content:
        raise SetUpError(f"the token {path} is empty; remove it and a new one is made")


def write_target(folder: Path, name: str, address: str, **labels: str) -> None:
    """Tell Prometheus where one thing listens; `instance` is the host's name, not an address."""
    group = {"targets": [address], "labels": {"instance": socket.gethostname(), **labels}}
    (folder / f"{name}.yml").write_text(json.dumps([group]) + "\n", "utf-8")


def render(source: Path, changes: Mapping[str, str]) -> str:
    """Return the source's text with each change made; a change that finds nothing is a bug."""
    text = source.read_text("utf-8")
    for old, new in changes.items():
        if old not in text:
            raise ValueError(f"{source.name} no longer has {old!r}")
        text = text.replace(old, new)
    return text


def _copy_rules(source: Path, target: Path) -> None:
    """Replace the shipped rules; `local` beside them is the user's and stays."""
    (target / "local").mkdir(parents=True, exist_ok=True)
    for stale in target.glob("*.yml"):
        stale.unlink()
    for rules in source.glob("*.yml"):
        shutil.copy(rules, target)


def prepare(home: Path, ports: Ports, flavour: Flavour) -> None:
    """Fill the state folder: what is the user's own only where missing, the rest anew."""
    for name in ("secrets", "targets", "log", "data"):
        (home / name).mkdir(parents=True, exist_ok=True)
    (home / "secrets").chmod(0o700)
    write_once(home / "exporter.yml", flavour.exporter.read_text("utf-8"), 0o644)
    write_once(home / "receiver.yml", (DEPLOY / "receiver.yml").read_text("utf-8"), 0o644)
    for token in TOKENS:
        make_token(home / "secrets" / token)
    addresses = {f.name: f"127.0.0.1:{getattr(ports, f.name)}" for f in fields(ports)}
    for name, address in addresses.items():
        write_target(home / "targets", name, address)
    _copy_rules(flavour.rules, home / "rules")
    prometheus = render(DEPLOY / "prometheus.yml", flavour.prometheus_changes)
    (home / "prometheus.yml").write_text(prometheus, "utf-8")
    changes = {"receiver:9848": addresses["receiver"], **flavour.alertmanager_changes}
    (home / "alertmanager.yml").write_text(render(DEPLOY / "alertmanager.yml", changes), "utf-8")
