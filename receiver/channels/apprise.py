"""A hundred further services, by the library Apprise and its URLs."""

import asyncio
import logging
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import urlsplit

from aiohttp import ClientSession
from pydantic import AfterValidator, Field, PrivateAttr, SecretStr

from receiver.channels.addresses import check_address
from receiver.channels.contract import Channel, Format, name_destination
from receiver.channels.fitting import fit, units
from receiver.channels.posting import Answer, refusal
from receiver.channels.webhook import harmless
from receiver.model import Message, SendError, Status
from receiver.settings import SecretFile

_INSTALL = "Apprise is not installed; run: pip install 'tocsin[channels]'"
_OURS = {"dingtalk": "there it ignores what DingTalk refuses, which type: dingtalk does not"}
_SHORTEST = 100
_STATUS = re.compile(r"error[= ](\d{3})\b")
_TYPES = {"critical": "failure", "high": "failure", "error": "failure"} | dict.fromkeys(
    ("warning", "medium"), "warning"
)
_LOGGER = logging.getLogger("apprise")
_LISTENING: set[int] = set()
"""Threads in which somebody hears the library; what else it says may tell a URL, and is dropped."""
_LOGGER.propagate = False
_LOGGER.addFilter(lambda record: record.thread in _LISTENING)


def _open(url: str) -> Any:
    """Return what Apprise makes of a URL; raises ValueError."""
    try:
        import apprise
    except ImportError:
        raise ValueError(_INSTALL) from None
    asset = apprise.AppriseAsset(async_mode=False)
    target = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if target is None:
        raise ValueError("no URL that Apprise knows; see its list of services")
    return target


def _check_url(secret: SecretStr) -> SecretStr:
    url = secret.get_secret_value()
    parts = urlsplit(url)
    if why := _OURS.get(parts.scheme):
        raise ValueError(f"not by Apprise: {why}")
    check_address(parts.hostname or "")
    _open(url)
    return secret


def _one_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="apprise")


@dataclass(slots=True)
class _Worker:
    """One thread, so that calls that hang do not pile up; no setting, so equal to any other."""

    thread: ThreadPoolExecutor = field(default_factory=_one_thread, compare=False)


class Apprise(Channel):
    """One URL of Apprise's, which stands in a file of its own."""

    format: ClassVar[Format] = "text"

    url: Annotated[SecretFile, AfterValidator(_check_url)] = Field(alias="url_file")

    _worker: _Worker = PrivateAttr(default_factory=_Worker)

    @property
    def destination(self) -> str:
        """The URL."""
        return name_destination("apprise", self.url.get_secret_value())

    async def send(self, message: Message, http: ClientSession) -> None:  # noqa: ARG002 -- the contract's
        """Let the library send in a thread; it says no more than yes or no, and why to its log."""
        call = asyncio.get_running_loop().run_in_executor(self._worker.thread, self._tell, message)
        try:
            async with asyncio.timeout(self.timeout):
                sent, said = await call
        except TimeoutError:
            raise SendError("timeout", f"no answer within {self.timeout:g} s") from None
        if not sent:
            raise self._failure(said)

    def _tell(self, message: Message) -> tuple[bool, str]:
        target = _open(self.url.get_secret_value())
        target.socket_connect_timeout = target.socket_read_timeout = self.timeout + 1
        title = harmless(message.title)
        room = max(_SHORTEST, target.body_maxlen - units(title) - 2)
        body = fit(harmless(message.body), lambda text: units(text) <= room, self.language)
        over = message.status is Status.RESOLVED
        kind = "success" if over else _TYPES.get(message.severity.name, "info")
        with _Ear() as ear:
            sent = target.notify(body=body, title=title, notify_type=kind, body_format="text")
        return bool(sent), "; ".join(ear.heard)

    def _failure(self, said: str) -> SendError:
        detail = self.clean(said) or "Apprise does not say why"
        if status := _STATUS.search(said):
            return refusal(Answer(int(status[1]), said, None), detail)
        reason = "unreachable" if "onnection" in said else "failed"
        return SendError(reason, detail)


class _Ear(logging.Handler):
    """Hears what the library warns of in this thread."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread and len(self.heard) < 3:
            self.heard.append(record.getMessage())

    def __enter__(self) -> Self:
        _LISTENING.add(self._thread)
        _LOGGER.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        _LOGGER.removeHandler(self)
        _LISTENING.discard(self._thread)
