"""HTTPS, and the certificates of clients."""

import ssl
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from receiver.settings import Section


def _resolve(value: Any, info: ValidationInfo) -> Path:
    return Path((info.context or {}).get("folder", "."), str(value))


_File = Annotated[Path, BeforeValidator(_resolve)]


class Tls(Section):
    """The listener's certificate; with `client_ca_file`, clients must show one of their own."""

    certificate: _File = Field(alias="certificate_file")
    key: _File = Field(alias="key_file")
    client_ca: _File | None = Field(default=None, alias="client_ca_file")
    client: Literal["required", "optional"] = "required"

    @model_validator(mode="after")
    def _check_files(self) -> Self:
        self.load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        return self

    @property
    def demands_clients(self) -> bool:
        """Whether nobody gets in without a certificate."""
        return self.client_ca is not None and self.client == "required"

    def load(self, context: ssl.SSLContext) -> None:
        """Put the files into a context; for connections from now on, also into one in use.

        Raises ValueError for a file that is of no use.
        """
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self.certificate, self.key, password=lambda: "")
        except OSError as error:
            raise ValueError(f"{self.certificate} with {self.key}: {_why(error)}") from error
        if self.client_ca is None:
            context.verify_mode = ssl.CERT_NONE
            return
        try:
            context.load_verify_locations(self.client_ca)
        except OSError as error:
            raise ValueError(f"{self.client_ca}: {_why(error)}") from error
        optional = self.client == "optional"
        context.verify_mode = ssl.CERT_OPTIONAL if optional else ssl.CERT_REQUIRED


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return "not a certificate with its key, unencrypted, in PEM format"
    return error.strerror or "cannot be read"
