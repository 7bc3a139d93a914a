"""Seals on links, so that one that we wrote can be told from one that somebody made up.

HMAC-SHA256 (RFC 2104) over everything that the link says, cut to 128 bits (RFC 2104, 5).
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime

_BYTES = 16
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Signer:
    """Seals what a link is for, and until when, in seconds since 1970.

    A seal for one purpose is none for another; the subject holds everything else that must not
    be changed.
    """

    key: bytes = field(repr=False)

    def seal(self, purpose: str, subject: str, until: int) -> str:
        """Return 22 letters that may stand in a URL."""
        said = "\0".join((purpose, str(until), subject))
        digest = hmac.new(self.key, said.encode("utf-8", "surrogateescape"), hashlib.sha256)
        return base64.urlsafe_b64encode(digest.digest()[:_BYTES]).decode().rstrip("=")

    def objection(self, purpose: str, subject: str, until: str, shown: str, now: datetime) -> str:
        """Say what is wrong with a link that came: `forged`, `expired`, or nothing.

        A forged one is never called expired: that would tell that the rest of it is right.
        """
        if not (until.isascii() and until.isdecimal()) or len(until) > _DIGITS:
            return "forged"
        made = self.seal(purpose, subject, int(until))
        if not hmac.compare_digest(made.encode(), shown.encode("utf-8", "surrogateescape")):
            return "forged"
        return "expired" if now.timestamp() > int(until) else ""
