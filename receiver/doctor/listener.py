"""Our own door: whether somebody listens there, and how long its certificate is good."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress

from receiver.config import Config
from receiver.doctor.finding import Finding, fail, ok
from receiver.doctor.reach import check_expiry
from receiver.web.tls import Tls

_FLIGHTS = 3
"""Of either side in a handshake, at most."""


def check_listener(settings: Config) -> Iterator[Finding]:
    """Look at the address, and at the certificate, which is what Alertmanager must trust."""
    subject = f"listen {settings.listen}"
    try:
        with socket.create_connection(settings.address, timeout=2):
            yield ok(subject, "something answers there: the receiver, if it is started")
    except OSError:
        yield ok(subject, "free: the receiver does not run")
    if settings.tls is not None:
        yield _check_certificate(subject, settings.tls)


def _check_certificate(subject: str, tls: Tls) -> Finding:
    try:
        return check_expiry(subject, _end_of(tls))
    except ssl.SSLCertVerificationError as error:
        return fail(subject, f"TLS: {tls.certificate}: {error.verify_message}; get a new one")


def _end_of(tls: Tls) -> str:
    """Shake hands with ourselves in memory: Python reads a certificate that it trusts, and no file.

    Raises SSLCertVerificationError for one that is not good now.
    """
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tls.certificate, tls.key)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client.load_verify_locations(tls.certificate)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(back, there)
    for end in (ours, server.wrap_bio(there, back, server_side=True)) * _FLIGHTS:
        with suppress(ssl.SSLWantReadError):
            end.do_handshake()
    return str((ours.getpeercert() or {})["notAfter"])
