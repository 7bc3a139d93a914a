"""What a provider's codes mean: many answer 200 and say in JSON that they refuse."""

import json
from dataclasses import dataclass

from receiver.model import SendError


@dataclass(frozen=True, slots=True)
class Fault:
    """What a provider's code means and what to do about it, in words."""

    reason: str
    diagnosis: str
    permanent: bool = False
    retry_after: float | None = None

    def error(self, detail: str) -> SendError:
        """Make the error to raise; `detail` tells no secret."""
        return SendError(
            self.reason, detail, permanent=self.permanent, retry_after=self.retry_after
        )


def read_code(text: str, code: str, said: str) -> tuple[int, str] | None:
    """Read the named code and text; None where the answer is not the provider's."""
    try:
        reply = json.loads(text)
    except ValueError:
        return None
    number = reply.get(code) if isinstance(reply, dict) else None
    return (number, str(reply.get(said, ""))) if isinstance(number, int) else None
