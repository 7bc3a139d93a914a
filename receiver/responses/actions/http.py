"""A call of some service's API, at an address that no alert can choose."""

import re
import time
from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, Field
from yarl import URL

from receiver.channels.posting import check_url
from receiver.channels.webhook import sign
from receiver.responses.actions.conceal import conceal
from receiver.responses.actions.contract import Action, ActionError, Done, Tools
from receiver.responses.actions.exchange import Request, exchange
from receiver.settings import SecretFile

_FIXED = re.compile(r"https?://[^/?#@$\s\\]+(?:[/?].*)?", re.IGNORECASE)
_HIDDEN = re.compile(r"%(?:2e|2f|5c)", re.IGNORECASE)
_HEADER = re.compile(r"[A-Za-z0-9!#%&'*+.^_`|~-]+")
_SECRET = {"authorization", "proxy-authorization", "cookie"}
_OURS = {"host", "content-length", "transfer-encoding", "connection"}


def check_fixed_url(text: str) -> str:
    """Refuse an address whose host an alert could choose, or to which nothing may go."""
    if not _FIXED.fullmatch(text):
        raise ValueError(
            f"{text!r:.80}: write a URL like https://api.example.com/hosts/${{target}}, "
            "whose host and port stand there in full"
        )
    return check_url(text)


FixedUrl = Annotated[str, AfterValidator(check_fixed_url)]


def _check_headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _HEADER.fullmatch(name) or not value.isprintable() or name.lower() in _OURS:
            raise ValueError(f"{name!r:.60} cannot be sent as a header; write it like X-Team: ops")
        if name.lower() in _SECRET:
            raise ValueError(f"{name} is a secret; write the token into a file, as token_file")
    return headers


class Http(Action):
    """A request to `url`; a status that is none of `succeeds`, else of 2xx, is a failure.

    `body` is sent as JSON, and with `secret_file` signed as the channel webhook's is. With
    `idempotent`, as a GET is by itself, it may be sent again where it is not known to be done.
    """

    action: Literal["http"]
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    url: FixedUrl
    headers: Annotated[dict[str, str], AfterValidator(_check_headers)] = Field(default_factory=dict)
    body: Any = None
    token: SecretFile | None = Field(default=None, alias="token_file")
    secret: SecretFile | None = Field(default=None, alias="secret_file")
    succeeds: tuple[Annotated[int, Field(ge=200, le=599)], ...] = ()
    again: Annotated[bool, Field(alias="idempotent")] = False

    @property
    def says(self) -> str:
        """The method and the address."""
        return f"{self.method} {conceal(self.url)}"

    @property
    def repeatable(self) -> bool:
        """What the runbook says of it."""
        return self.again or self.method == "GET"

    async def run(self, tools: Tools) -> Done:
        """Send it."""
        answer = await exchange(tools.http, self._request())
        if not self._succeeded(answer.status):
            said, output = f"status {answer.status}", conceal(answer.text)
            raise ActionError("failed", said, output=output, unknown=answer.status >= 500)
        return Done(f"status {answer.status}", conceal(answer.text))

    def _succeeded(self, status: int) -> bool:
        return status in self.succeeds if self.succeeds else 200 <= status < 300

    def _request(self) -> Request:
        headers = dict(self.headers)
        body = (
            None if self.body is None else orjson.dumps(self.body, option=orjson.OPT_NON_STR_KEYS)
        )
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token.get_secret_value()}"
        if self.secret is not None:
            headers |= sign(self.secret.get_secret_value(), int(time.time()), body or b"")
        return Request(self.method, address(self.url), self.timeout, headers, body)


def address(text: str) -> URL:
    """Return the URL, unless what was put in leads elsewhere; raises ActionError."""
    path = re.split(r"[?#]", text, maxsplit=1)[0]
    if _HIDDEN.search(path) or ".." in path.split("/"):
        raise ActionError("unsafe_value", f"{path!r:.120} leads out of its folder")
    return URL(text)
