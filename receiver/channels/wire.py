"""A connection to a mail server that is kept for a while, for the mails that follow."""

import asyncio
import contextlib
from dataclasses import dataclass, field

from aiosmtplib import SMTP, SMTPException

_IDLE = 15.0
"""Seconds for which it waits for another mail; servers wait for minutes."""
_MOST = 100
"""Mails by one connection: some servers count them, and then refuse the next."""
_FAREWELL = 1.0
_ALIVE = 2.0
"""Seconds for a server to show that it still listens, before another connection is made."""


@dataclass(slots=True)
class Wire:
    """Holds at most one connection; two are equal, whatever they hold."""

    _client: SMTP | None = field(init=False, compare=False, repr=False, default=None)
    _mails: int = field(init=False, compare=False, repr=False, default=0)
    _hangup: asyncio.Task[None] | None = field(init=False, compare=False, repr=False, default=None)

    async def take(self) -> SMTP | None:
        """Return the connection if it still answers, with nothing left over of an earlier mail.

        It is asked before a mail begins: one that died meanwhile costs no mail, and none is sent
        twice.
        """
        client, self._client = self._client, None
        if self._hangup is not None:
            self._hangup.cancel()
        if client is None:
            self._mails = 0
            return None
        try:
            await client.rset(timeout=_ALIVE)
        except (SMTPException, OSError):
            drop(client)
            self._mails = 0
            return None
        return client

    async def keep(self, client: SMTP) -> None:
        """Keep a connection after a mail, or end it where it has sent many."""
        self._client, self._mails = client, self._mails + 1
        if self._mails >= _MOST:
            await self.close()
        else:
            self._hangup = asyncio.create_task(self._close_later())

    async def close(self) -> None:
        """Say goodbye and end the connection."""
        client, self._client, self._mails = self._client, None, 0
        if client is None:
            return
        try:
            with contextlib.suppress(SMTPException, OSError):
                await client.quit(timeout=_FAREWELL)
        finally:
            drop(client)

    async def _close_later(self) -> None:
        await asyncio.sleep(_IDLE)
        await self.close()


def drop(client: SMTP) -> None:
    """End a connection at once."""
    if isinstance(client.transport, asyncio.WriteTransport):
        client.transport.abort()  # TLS would wait half a minute for the other's goodbye
    client.close()
