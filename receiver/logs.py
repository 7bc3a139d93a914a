"""What is logged, with every secret of the configuration masked, in tracebacks too."""

import logging
import sys
import traceback
from collections.abc import Iterable
from types import TracebackType

from receiver.delivery.mask import mask

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_SHORTEST = 4
"""Letters; masking a secret that is shorter would hide every word, and it protects nothing."""


class Masking(logging.Formatter):
    """Formats records, and masks the secrets that it knows."""

    def __init__(self) -> None:
        super().__init__(_FORMAT)
        self._secrets: tuple[str, ...] = ()

    def know(self, secrets: Iterable[str]) -> None:
        """Mask these too; one that was replaced stays known, since it may still be spoken of."""
        telling = (secret for secret in secrets if len(secret) >= _SHORTEST)
        self._secrets = tuple(dict.fromkeys((*self._secrets, *telling)))

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's text without secrets."""
        return mask(super().format(record), self._secrets)

    def tell(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """Write the traceback of what ends the process, as an excepthook does."""
        text = "".join(traceback.format_exception(kind, error, trace))
        sys.stderr.write(mask(text, self._secrets))


def begin() -> Masking:
    """Log to standard error; returns what must be told the secrets."""
    masking = Masking()
    handler = logging.StreamHandler()
    handler.setFormatter(masking)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    sys.excepthook = masking.tell
    return masking
