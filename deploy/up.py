"""Runs exporter, Prometheus, Alertmanager and receiver on this machine until Ctrl-C."""

import argparse
import fcntl
import io
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn, TextIO

from deploy import demo
from deploy.home import PAGES, Flavour, Ports, SetUpError, prepare
from deploy.stack import Service, Stack

_EPILOG = """\
Settings, tokens, data and logs are in ${TOCSIN_HOME:-.tocsin}; exporter.yml and receiver.yml there
are yours to change and are never overwritten. Everything listens on loopback.
Exit status: 0 when stopped by Ctrl-C or SIGTERM, or when the demonstration saw all it should;
1 when something failed or was missing; 2 when an argument is wrong."""


def main() -> int:
    """Run the stack or the demonstration; returns the exit status."""
    arguments = _parse_arguments()
    ports = Ports() if arguments.port_base is None else Ports.from_base(arguments.port_base)
    home = Path(os.environ.get("TOCSIN_HOME", ".tocsin")).absolute()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True, errors="replace")
    try:
        with _lock(home):
            if arguments.demo:
                return _run_demo(demo.make_home(home), ports)
            return _run_stack(home, ports)
    except SetUpError as error:
        print(f"up.sh: {error}", file=sys.stderr)
        return 1


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "up.sh",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--demo", action="store_true", help="cause a real incident here, show its messages and end"
    )
    parser.add_argument(
        "--port-base",
        type=_port_base,
        metavar="N",
        help="listen on N (exporter), N+1 (receiver), N+2 (Prometheus), N+3 (Alertmanager) "
        "instead of 9847, 9848, 9090, 9093",
    )
    return parser.parse_args()


def _port_base(text: str) -> int:
    if not text.isdecimal() or not 1024 <= int(text) <= 65532:
        raise argparse.ArgumentTypeError(f"a number from 1024 to 65532 is expected, not {text!r}")
    return int(text)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _lock(home: Path) -> TextIO:
    """Hold the state folder; the kernel lets go of it when this process ends."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)  # messages are nobody else's business
        file = (home / "lock").open("w")
    except OSError as error:
        raise SetUpError(
            f"cannot write to {home} ({error.strerror}); name another folder with TOCSIN_HOME"
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise SetUpError(
            f"another up.sh runs with {home}; stop it, or name another folder with TOCSIN_HOME"
        ) from error
    return file


def _program(*names: str) -> str:
    for name in names:
        if found := shutil.which(name):
            return found
    raise SetUpError(f"{names[0]} is not on PATH; start deploy/up.sh, which installs it")


def make_services(home: Path, ports: Ports, messages: Path | None) -> tuple[Service, ...]:
    """Say how each of the four is run; the receiver's terminal is ours, or the file `messages`."""

    def service(name: str, port: int, *argv: str) -> Service:
        log = home / f"log/{name}.log"
        output = messages if name == "receiver" else log
        return Service(name, argv, f"http://127.0.0.1:{port}", log, output)

    def ours(name: str, port: int) -> Service:
        options = ("--config", f"{home}/{name}.yml", "--listen", f"127.0.0.1:{port}")
        return service(name, port, sys.executable, "-m", name, "serve", *options)

    def theirs(name: str, port: int, program: str, *options: str) -> Service:
        address = f"127.0.0.1:{port}"
        common = (
            f"--config.file={home}/{name}.yml",
            f"--web.listen-address={address}",
            f"--web.external-url=http://{address}",  # the links in messages
        )
        return service(name, port, program, *common, *options)

    return (
        ours("exporter", ports.exporter),
        ours("receiver", ports.receiver),
        theirs(
            "alertmanager",
            ports.alertmanager,
            _program("prometheus-alertmanager", "alertmanager"),
            f"--storage.path={home}/data/alertmanager",
            "--cluster.listen-address=",
        ),
        theirs(
            "prometheus",
            ports.prometheus,
            _program("prometheus"),
            f"--storage.tsdb.path={home}/data/prometheus",
        ),
    )


def _open(home: Path, ports: Ports, flavour: Flavour, messages: Path | None = None) -> Stack:
    ports.check_free()
    prepare(home, ports, flavour)
    environment = {
        **os.environ,
        "TOCSIN_HOME": str(home),
        "TOCSIN_ALERTMANAGER": f"http://127.0.0.1:{ports.alertmanager}",
        "TOCSIN_PROMETHEUS": f"http://127.0.0.1:{ports.prometheus}",
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
    }
    return Stack(make_services(home, ports, messages), environment)


def _run_stack(home: Path, ports: Ports) -> int:
    try:
        with _open(home, ports, Flavour()) as stack:
            stack.wait_ready()
            _print_urls(home, stack)
            while True:
                stack.check()
                time.sleep(0.5)
    except KeyboardInterrupt:
        print("\nStopped.")
        return 0


def _run_demo(home: Path, ports: Ports) -> int:
    try:
        with _open(home, ports, demo.FLAVOUR, home / "log/messages.log") as stack:
            return demo.run(stack, home)
    except KeyboardInterrupt:
        print("\nThe demonstration was stopped before its end.", file=sys.stderr)
        return 1


def _print_urls(home: Path, stack: Stack) -> None:
    print(f"Running; settings, tokens and logs are in {home}. Ctrl-C stops all.")
    for service in stack.services:
        token = PAGES.get(service.name)
        password = f"  (any user name, password in {home}/secrets/{token})" if token else ""
        print(f"  {service.name:13} {service.url}/{password}")


if __name__ == "__main__":
    sys.exit(main())
