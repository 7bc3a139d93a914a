"""Debian's exim4 as a private server: STARTTLS, AUTH only after it, one local mailbox."""

import asyncio
import grp
import mailbox
import os
import pwd
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path

from tests.fakes.certs import Certificates

PROGRAM = shutil.which("exim4", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
USER, PASSWORD = "ops", "correct horse"
_PATIENCE = 10.0
_CONFIG = """
primary_hostname = localhost
keep_environment = PATH
spool_directory = {folder}/spool
log_file_path = {folder}/spool/%slog
pid_file_path = {folder}/spool/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
exim_user = {account}
exim_group = {group}
deliver_drop_privilege = true
tls_advertise_hosts = *
dsn_advertise_hosts = *
tls_certificate = {folder}/server.pem
tls_privatekey = {folder}/server.key
auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}
acl_smtp_rcpt = check_rcpt
begin acl
check_rcpt:
  deny ! authenticated = *
  deny message = no such user
       local_parts = gone
  defer message = greylisted
        local_parts = grey
  accept
begin routers
all:
  driver = accept
  transport = mailbox
begin transports
mailbox:
  driver = appendfile
  file = {folder}/mailbox
  user = {account}
  group = {group}
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${{if and {{{{eq{{$auth2}}{{{user}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
"""


@dataclass(frozen=True, slots=True)
class Exim:
    """A running server; one recipient, gone@, is refused, and one, grey@, is put off."""

    port: int
    mailbox: Path

    async def first_mail(self) -> EmailMessage:
        """Wait for the first mail and parse it back from the mailbox."""
        async with asyncio.timeout(_PATIENCE):
            while not _has_mail(self.mailbox):  # noqa: ASYNC110 -- a file has no event
                await asyncio.sleep(0.05)
        box = mailbox.mbox(self.mailbox)
        try:
            raw = box.get_bytes(box.keys()[0])
        finally:
            box.close()
        return BytesParser(EmailMessage, policy=default).parsebytes(raw)


@asynccontextmanager
async def run_exim(certificates: Certificates) -> AsyncIterator[Exim]:
    """Run exim4 without any right of root: as this user, or as nobody where this is root."""
    assert PROGRAM is not None
    account = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), _free_port()
        _furnish(folder, port, account, certificates)
        is_root = os.geteuid() == 0
        process = await asyncio.create_subprocess_exec(
            *(PROGRAM, "-bdf", "-C", str(folder / "exim.conf")),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            user=account.pw_uid if is_root else None,
            group=account.pw_gid if is_root else None,
            extra_groups=[] if is_root else None,
            start_new_session=True,
        )
        try:
            await _until_listening(port)
            yield Exim(port, folder / "mailbox")
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
            with suppress(ProcessLookupError):  # its children still tidy the spool
                os.killpg(process.pid, signal.SIGKILL)


def _furnish(
    folder: Path, port: int, account: pwd.struct_passwd, certificates: Certificates
) -> None:
    (folder / "spool").mkdir()
    shutil.copy(certificates.certificate, folder / "server.pem")
    shutil.copy(certificates.key, folder / "server.key")
    config = _CONFIG.format(
        folder=folder,
        port=port,
        account=account.pw_name,
        group=grp.getgrgid(account.pw_gid).gr_name,
        user=USER,
        password=PASSWORD,
    )
    (folder / "exim.conf").write_text(config)
    (folder / "exim.conf").chmod(0o600)  # exim refuses one that others may write
    if os.geteuid() == 0:
        for path in (folder, *folder.iterdir()):
            os.chown(path, account.pw_uid, account.pw_gid)


def _has_mail(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _until_listening(port: int) -> None:
    async with asyncio.timeout(_PATIENCE):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                await writer.wait_closed()
                return
