"""Where a Prometheus is and how to be let in."""

import base64
import ssl
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from exporter.settings import Duration, FilePath, SecretFile, Section


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("not an address; write it like http://127.0.0.1:9090")
    if "@" in parts.netloc:
        raise ValueError("no password belongs here; use `authorization`")
    if parts.query or parts.fragment:
        raise ValueError("what follows ? or # belongs to no base address; leave it out")
    return text.rstrip("/")


class Authorization(Section):
    """Who asks: a bearer's token, or a user with a password; the secrets stand in files."""

    token: SecretFile | None = Field(None, alias="token_file")
    username: str = ""
    password: SecretFile | None = Field(None, alias="password_file")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.token) == bool(self.username) or bool(self.username) != bool(self.password):
            raise ValueError("give either token_file, or username and password_file")
        return self

    def header(self) -> str:
        """Spell the Authorization header."""
        if self.token:
            return f"Bearer {self.token.get_secret_value()}"
        secret = self.password.get_secret_value() if self.password else ""
        return "Basic " + base64.b64encode(f"{self.username}:{secret}".encode()).decode()


class Tls(Section):
    """Whom to trust, and which certificate to show."""

    ca_file: FilePath | None = None
    cert_file: FilePath | None = None
    key_file: FilePath | None = None
    server_name: str = ""
    insecure_skip_verify: bool = False

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if bool(self.cert_file) != bool(self.key_file):
            raise ValueError("cert_file and key_file go together; give both")
        try:
            if self.ca_file or self.cert_file:
                self.context()
        except (OSError, ValueError) as error:  # an SSLError is an OSError
            raise ValueError(f"ca_file, cert_file or key_file cannot be used: {error}") from error
        return self

    def context(self) -> ssl.SSLContext:
        """Make what a connection needs."""
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.insecure_skip_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.cert_file:
            # An encrypted key must be an error: without a password, OpenSSL would ask a terminal.
            context.load_cert_chain(self.cert_file, self.key_file, password=lambda: b"")
        return context


class Connection(Section):
    """The Prometheus that PromQL signals come from, and how long and how far back it is asked."""

    url: Annotated[str, AfterValidator(_base_url)]
    authorization: Authorization | None = None
    tls: Tls = Tls()
    headers: dict[str, str] = Field(default_factory=dict)
    deadline: Duration = 10.0
    history: Duration = 1_209_600.0
    """How much of the past is learned at the start, in seconds."""
