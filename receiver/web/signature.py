"""Grafana's signature of a webhook: HMAC-SHA256 of `TIMESTAMP:BODY`, in hexadecimal.

https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import Field

from receiver.settings import SecretFile, Section

WINDOW = 300.0
"""Seconds by which a timestamp may differ from our clock."""
_MOST = 10_000


class Grafana(Section):
    """What its contact point has under HMAC signature; both headers must be filled in there."""

    secret: SecretFile = Field(alias="secret_file")
    header: str = "X-Grafana-Alerting-Signature"
    timestamp_header: str = "X-Grafana-Alerting-Timestamp"


@dataclass(slots=True)
class Signatures:
    """Judges signatures, and remembers the good ones, so that none is used twice."""

    settings: Grafana
    _used: dict[str, float] = field(default_factory=dict)

    def is_shown(self, headers: Mapping[str, str]) -> bool:
        """Whether a request is signed at all."""
        return self.settings.header in headers

    def objection(self, headers: Mapping[str, str], body: bytes, now: float) -> str:
        """Say what is wrong with a signature; empty where nothing is."""
        stamp = headers.get(self.settings.timestamp_header, "")
        if not (stamp.isascii() and stamp.isdigit()):
            return f"no time in {self.settings.timestamp_header}; name that header in Grafana too"
        if abs(int(stamp[:20]) - now) > WINDOW:
            return f"signed at {stamp[:20]}, which is not now; compare the clocks"
        given = headers[self.settings.header].strip().lower()
        if not hmac.compare_digest(
            self._sign(stamp, body).encode(), given.encode("utf-8", "replace")
        ):
            return "the signature is not made with our secret"
        return "the signature was used before" if given in self._used else ""

    def use(self, headers: Mapping[str, str], now: float) -> None:
        """Remember the signature of what was accepted; what was refused may come again."""
        self._used[headers[self.settings.header].strip().lower()] = now
        while len(self._used) > _MOST or now - next(iter(self._used.values())) > 2 * WINDOW:
            del self._used[next(iter(self._used))]

    def _sign(self, stamp: str, body: bytes) -> str:
        secret = self.settings.secret.get_secret_value().encode()
        return hmac.new(secret, stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
