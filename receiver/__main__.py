"""The command line: one function for each command."""

import argparse
import asyncio
import errno
import os
import socket
import sys
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from pathlib import Path

import yaml

from receiver import (
    app,
    backup,
    config,
    drill,
    ledger,
    letters,
    logs,
    memory,
    plan,
    preview,
    report,
    rota,
)
from receiver.config import Config
from receiver.doctor import command as doctor
from receiver.incidents.oncall.gaps import warnings
from receiver.logs import Masking
from receiver.model import ConfigError
from receiver.responses import privileges
from receiver.settings import secrets_of
from receiver.store.migrations import StoreVersionError
from receiver.store.schema import StoreUnavailableError

_BAD_CONFIG = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 2 for a bad configuration, 1 for other trouble."""
    arguments = _parser().parse_args(argv)
    masking = logs.begin()
    try:
        return _COMMANDS[arguments.command](arguments, masking)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return _BAD_CONFIG


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tocsin-receiver", description="Alertmanager's receiver.")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="run the receiver")
    serve.add_argument("--config", type=Path, required=True, metavar="FILE")
    serve.add_argument("--listen", metavar="ADDR", help="HOST:PORT instead of the configured one")
    check = commands.add_parser("check", help="say what is wrong with a configuration")
    what = check.add_mutually_exclusive_group(required=True)
    what.add_argument("--config", type=Path, metavar="FILE")
    what.add_argument("--defaults", action="store_true", help="print the default configuration")
    letters.add_parser(commands)
    backup.add_parser(commands)
    doctor.add_parser(commands)
    drill.add_parser(commands)
    preview.add_parser(commands)
    rota.add_parser(commands)
    report.add_parser(commands)
    plan.add_parser(commands)
    ledger.add_parser(commands)
    return parser


def _check(arguments: argparse.Namespace, _: Masking) -> int:
    if arguments.defaults:
        settings = config.defaults().model_dump(mode="json", by_alias=True)
        yaml.safe_dump(settings, sys.stdout, sort_keys=False, allow_unicode=True)
    else:
        loaded = config.load(arguments.config)
        for line in warnings(loaded.schedules, datetime.now(UTC)):
            sys.stderr.write(f"{arguments.config}: {line}\n")
        for runbook in loaded.runbooks.values():
            sys.stdout.write(f"runbook {runbook.name}: {runbook.mode}\n")
            sys.stdout.writelines(f"  sudoers: {line}\n" for line in privileges.lines(runbook))
        sys.stdout.write(f"{arguments.config}: ok\n")
    return 0


def _serve(arguments: argparse.Namespace, masking: Masking) -> int:
    def load() -> Config:
        loaded = config.load(arguments.config, arguments.listen)
        masking.know(secrets_of(loaded))
        return loaded

    settings = load()
    memory.look_less()
    return _run(app.serve(settings, load), settings)


def _dead(arguments: argparse.Namespace, masking: Masking) -> int:
    settings = config.load(arguments.config)
    masking.know(secrets_of(settings))
    return _run(letters.run(arguments), settings)


def _store(arguments: argparse.Namespace, masking: Masking) -> int:
    settings = config.load(arguments.config)
    masking.know(secrets_of(settings))
    return _run(backup.run(arguments), settings)


def _run(work: Coroutine[None, None, int | None], settings: Config) -> int:
    """Run to the end; returns the exit status, and says what went wrong with a remedy."""
    try:
        return asyncio.run(work) or 0
    except OSError as error:
        return _fail(_explain(error, settings))
    except StoreVersionError as error:
        return _fail(f"{settings.database}: {error}; install the newer one again")
    except StoreUnavailableError as error:
        return _fail(f"{settings.database}: {error}; {_mend(settings)}")


def _mend(settings: Config) -> str:
    """Return what helps where the store cannot be used."""
    if isinstance(settings.database, Path):
        return "stop what holds it, or check disk and rights"
    return "start that server, or correct store and store_password_file"


def _doctor(arguments: argparse.Namespace, masking: Masking) -> int:
    settings = config.load(arguments.config)
    masking.know(secrets_of(settings))
    return _run(doctor.run(arguments, app.client), settings)


def _send_test(arguments: argparse.Namespace, masking: Masking) -> int:
    settings = config.load(arguments.config)
    masking.know(secrets_of(settings))
    return _run(drill.run(arguments, app.client), settings)


def _preview(arguments: argparse.Namespace, masking: Masking) -> int:
    settings = config.load(arguments.config)
    masking.know(secrets_of(settings))
    return _run(preview.run(arguments), settings)


def _schedule(arguments: argparse.Namespace, masking: Masking) -> int:
    settings = config.load(arguments.config)
    masking.know(secrets_of(settings))
    return _run(rota.run(arguments), settings)


def _report(arguments: argparse.Namespace, masking: Masking) -> int:
    settings = config.load(arguments.config)
    masking.know(secrets_of(settings))
    return _run(report.run(arguments, app.client), settings)


def _plan(arguments: argparse.Namespace, masking: Masking) -> int:
    settings = config.load(arguments.config)
    masking.know(secrets_of(settings))
    return _run(plan.run(arguments, app.client), settings)


def _audit(arguments: argparse.Namespace, masking: Masking) -> int:
    settings = config.load(arguments.config)
    masking.know(secrets_of(settings))
    return _run(ledger.run(arguments), settings)


_COMMANDS: dict[str, Callable[[argparse.Namespace, Masking], int]] = {
    "serve": _serve,
    "check": _check,
    "dead": _dead,
    "store": _store,
    "doctor": _doctor,
    "send-test": _send_test,
    "preview": _preview,
    "schedule": _schedule,
    "report": _report,
    "plan": _plan,
    "audit": _audit,
}


def _explain(error: OSError, settings: Config) -> str:
    if error.filename is not None:
        return f"{error.filename}: {error.strerror}; check that it is writable"
    remedy = "choose with --listen ADDR"
    if error.errno == errno.EADDRINUSE:
        return f"{settings.listen} is in use; stop what listens there, or {remedy}"
    why = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
    return f"cannot listen on {settings.listen}: {why}; {remedy}"


def _fail(line: str) -> int:
    sys.stderr.write(f"{line}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
