"""The command: serve, check a configuration, print one page, or try it on the past."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from exporter.app import App, serve
from exporter.backtest.command import add as add_backtest
from exporter.config import Address, Config, defaults, load, parse_address
from exporter.exposition import unpack
from exporter.listening import CannotListenError
from exporter.model import ConfigError
from exporter.state.folder import TakenError
from exporter.web.metrics import render

_PATHS = ("procfs", "sysfs", "rootfs")
_log = logging.getLogger("exporter")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit status: 1 trouble at work, 2 a wrong configuration."""
    arguments = _parser().parse_args(argv)
    level = arguments.log_level.upper()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=level)
    try:
        status: int = arguments.run(arguments)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return status


def _serve(arguments: argparse.Namespace) -> int:
    read = partial(_configured, arguments)
    try:
        return asyncio.run(serve(App(read(), read)))
    except (CannotListenError, TakenError) as error:
        _log.error("%s", error)
        return 1


def _check(arguments: argparse.Namespace) -> int:
    if arguments.defaults:
        sys.stdout.write(defaults())
        return 0
    config = load(arguments.config)
    if obstacles := config.obstacles():
        raise ConfigError([f"{arguments.config}: {one}" for one in obstacles])
    sys.stdout.writelines(f"{arguments.config}: note: {doubt}\n" for doubt in config.doubts())
    sys.stdout.write(f"{arguments.config}: ok\n")
    return 0


def _once(arguments: argparse.Namespace) -> int:
    """Print one page; a collector that fails makes the status 1, as a smoke test wants it."""
    read = partial(_configured, arguments)
    service = App(read(), read).service
    sys.stdout.buffer.writelines(unpack(asyncio.run(render(service))))
    return 1 if any(service.ticker.fence.troubles.values()) else 0


def _configured(arguments: argparse.Namespace) -> Config:
    """Read the file; what the command line says beside it wins."""
    config = load(arguments.config)
    given = {name: getattr(arguments, name) for name in _PATHS}
    paths = config.paths.model_copy(update={name: path for name, path in given.items() if path})
    update: dict[str, Any] = {"paths": paths}
    if arguments.listen:
        update["listen"] = arguments.listen
    return config.model_copy(update=update)


def _address(text: str) -> Address:
    try:
        return parse_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("tocsin-exporter", description="Measures and scores a host.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, what in (
        ("serve", _serve, "measure, score and serve /metrics until told to stop"),
        ("once", _once, "print one page of metrics"),
        ("check", _check, "say all that is wrong with a configuration"),
    ):
        command = commands.add_parser(name, help=what, description=what)
        command.set_defaults(run=run)
        command.add_argument("--log-level", choices=("debug", "info", "warning", "error"))
        command.set_defaults(log_level="info")
        if name == "check":
            source = command.add_mutually_exclusive_group(required=True)
            source.add_argument("--config", type=Path, metavar="FILE")
            source.add_argument("--defaults", action="store_true", help="print every default")
        else:
            _add_overrides(command)
    add_backtest(commands)
    return parser


def _add_overrides(command: argparse.ArgumentParser) -> None:
    command.add_argument("--config", type=Path, metavar="FILE", help="all defaults without one")
    command.add_argument("--listen", type=_address, metavar="HOST:PORT")
    for name in _PATHS:
        command.add_argument(f"--path.{name}", dest=name, type=Path, metavar="FOLDER")


if __name__ == "__main__":
    sys.exit(main())
