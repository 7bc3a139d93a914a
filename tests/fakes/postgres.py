"""Debian's PostgreSQL on a cluster of its own, that can be stopped, killed and started again."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
from sqlalchemy import URL

PASSWORD = "not-for-anybody-else"
_numbers = count()


@dataclass(frozen=True, slots=True)
class Postgres:
    folder: Path
    port: int

    def database(self) -> URL:
        """Make a database of its own."""
        name = f"tocsin_{next(_numbers)}"
        where = f"host=127.0.0.1 port={self.port} user=postgres password={PASSWORD}"
        with psycopg.connect(f"{where} dbname=postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return URL.create(
            "postgresql+psycopg", "postgres", PASSWORD, "127.0.0.1", self.port, database=name
        )

    def start(self) -> None:
        options = f"-p {self.port} -c unix_socket_directories= -c listen_addresses=127.0.0.1"
        self._control("start", "-w", "-l", str(self.folder / "log"), "-o", options)

    def stop(self, mode: str = "immediate") -> None:
        """End it; `immediate` is a crash."""
        self._control("stop", "-w", "-m", mode)

    def _control(self, *arguments: str) -> None:
        run("pg_ctl", "-D", str(self.folder / "data"), *arguments)


def run(program: str, *arguments: str) -> None:
    """Run one of the programs, which refuse to be root."""
    (folder,) = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1:]
    user = "postgres" if os.geteuid() == 0 else None
    subprocess.run(
        [folder / program, *arguments],
        check=True,
        user=user,
        group=user,
        extra_groups=[] if user else None,
        cwd="/",
        stdout=subprocess.DEVNULL,
        timeout=60,
    )


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """Make a cluster, run it, and drop it."""
    folder = Path(tempfile.mkdtemp(prefix="tocsin-postgres-"))
    (folder / "password").write_text(PASSWORD)
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        for path in (folder, folder / "password"):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Postgres(folder, port)
    try:
        run(
            *("initdb", "-D", str(folder / "data"), "-U", "postgres", "-E", "UTF8", "--no-locale"),
            *("--auth=scram-sha-256", f"--pwfile={folder / 'password'}", "--no-sync"),
        )
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder)
