"""What counts and sets how many of a service there are: Compose, Kubernetes, any API by HTTP."""

import json
import re
import shutil
import ssl
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import aiohttp
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo
from yarl import URL

from receiver.channels.mailing import AuthoritiesFile
from receiver.responses.actions import processes
from receiver.responses.actions.contract import ActionError
from receiver.responses.actions.exchange import Answer, Request, exchange
from receiver.responses.actions.http import FixedUrl, address
from receiver.settings import Section

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Count:
    """How many are wanted now; `version` is what the other side calls this state, if it does."""

    many: int
    version: str = ""


class Scaler(Section):
    """Something that can be asked how many there are, and told how many there should be."""

    @property
    @abstractmethod
    def says(self) -> str:
        """What is scaled."""

    @abstractmethod
    async def read(self, http: aiohttp.ClientSession, seconds: float) -> Count:
        """Return how many there are; raises ActionError."""

    @abstractmethod
    async def write(
        self, http: aiohttp.ClientSession, seconds: float, before: Count, many: int
    ) -> None:
        """Ask for so many instead; raises ActionError."""


def _check_file(text: str) -> str:
    if not text.startswith("/") or "$" in text:
        raise ValueError(f"{text!r:.80} is no absolute path; write it like /srv/app/compose.yml")
    return text


class Compose(Scaler):
    """A `service` of the Compose file `file`, by `docker compose`."""

    file: Annotated[str, AfterValidator(_check_file)]
    service: str

    @property
    def says(self) -> str:
        """The service."""
        return f"service {self.service} of {self.file}"

    async def read(self, http: aiohttp.ClientSession, seconds: float) -> Count:  # noqa: ARG002 -- the contract's
        """Count its containers."""
        said = await self._run(["ps", "--quiet", self._checked()])
        return Count(len(said.split()))

    async def write(
        self,
        http: aiohttp.ClientSession,  # noqa: ARG002 -- the contract's
        seconds: float,  # noqa: ARG002 -- the contract's
        before: Count,  # noqa: ARG002 -- the contract's
        many: int,
    ) -> None:
        """Start or stop as many as it takes, and touch no other."""
        name = self._checked()
        how = ["up", "--detach", "--no-recreate", "--no-deps", "--scale", f"{name}={many}", name]
        await self._run(how)

    def _checked(self) -> str:
        return _checked(_NAME, self.service, "service")

    async def _run(self, words: Sequence[str]) -> str:
        program = shutil.which("docker")
        if program is None:
            raise ActionError("cannot_start", "there is no docker here")
        ended = await processes.run([program, "compose", "--file", self.file, *words])
        if ended.code:
            raise ActionError("failed", f"docker compose: exit {ended.code}", output=ended.output)
        return ended.output


def _read_path(value: Any, info: ValidationInfo) -> Path:
    path = Path((info.context or {}).get("folder", "."), str(value))
    if not path.is_file():
        raise ValueError(f"there is no file {path}; write the token alone into it")
    return path


TokenPath = Annotated[Path, BeforeValidator(_read_path)]
"""A bearer's token that is read each time that it is used: those of Kubernetes change hourly."""


class Api(Scaler):
    """Something that is scaled by HTTP."""

    token_file: TokenPath | None = None
    ca_file: AuthoritiesFile | None = None

    async def ask(
        self,
        http: aiohttp.ClientSession,
        seconds: float,
        url: URL,
        method: str = "GET",
        document: Mapping[str, Any] | None = None,
        kind: str = "application/json",
    ) -> Any:
        """Return what is answered, as JSON; raises ActionError."""
        headers = {"Accept": "application/json"}
        if self.token_file is not None:
            headers["Authorization"] = f"Bearer {_token(self.token_file)}"
        body = None
        if document is not None:
            headers["Content-Type"], body = kind, json.dumps(document).encode()
        context = ssl.create_default_context(cafile=self.ca_file) if self.ca_file else None
        answer = await exchange(http, Request(method, url, seconds, headers, body, context))
        return _document(answer)


class Kubernetes(Api):
    """A `deployment` in a `namespace`, by the API server at `api`."""

    api: FixedUrl
    namespace: str = "default"
    deployment: str

    @property
    def says(self) -> str:
        """The deployment."""
        return f"deployment {self.namespace}/{self.deployment}"

    async def read(self, http: aiohttp.ClientSession, seconds: float) -> Count:
        """Read its scale."""
        scale = await self.ask(http, seconds, self._url())
        try:
            many = scale["spec"].get("replicas", 0)  # left out where it is 0
            return Count(int(many), str(scale["metadata"]["resourceVersion"]))
        except (LookupError, TypeError, AttributeError, ValueError):
            raise ActionError("unexpected", "what is answered is no Scale") from None

    async def write(
        self, http: aiohttp.ClientSession, seconds: float, before: Count, many: int
    ) -> None:
        """Set it, unless somebody else has set it since it was read."""
        wanted = {"metadata": {"resourceVersion": before.version}, "spec": {"replicas": many}}
        kind = "application/merge-patch+json"
        await self.ask(http, seconds, self._url(), "PATCH", wanted, kind)

    def _url(self) -> URL:
        space = _checked(_LABEL, self.namespace, "namespace")
        name = _checked(_LABEL, self.deployment, "deployment")
        path = f"/apis/apps/v1/namespaces/{space}/deployments/{name}/scale"
        return URL(f"{self.api.rstrip('/')}{path}")


class HttpScaler(Api):
    """Any service: a GET of `url` answers with a number under `key`, and a PUT of such sets it."""

    url: FixedUrl
    key: Annotated[str, Field(min_length=1)] = "replicas"

    @property
    def says(self) -> str:
        """Where."""
        return self.url

    async def read(self, http: aiohttp.ClientSession, seconds: float) -> Count:
        """Ask how many there are."""
        document = await self.ask(http, seconds, address(self.url))
        many = document.get(self.key) if isinstance(document, dict) else None
        if not isinstance(many, int) or isinstance(many, bool) or many < 0:
            raise ActionError("unexpected", f"what is answered has no number {self.key}")
        return Count(many)

    async def write(
        self,
        http: aiohttp.ClientSession,
        seconds: float,
        before: Count,  # noqa: ARG002 -- the contract's
        many: int,
    ) -> None:
        """Say how many there should be."""
        await self.ask(http, seconds, address(self.url), "PUT", {self.key: many})


def _token(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ActionError("no_token", f"{path} cannot be read") from None


def _document(answer: Answer) -> Any:
    try:
        document = json.loads(answer.text or "null")
    except ValueError:
        document = None
    if 200 <= answer.status < 300:
        return document
    said = document.get("message", "") if isinstance(document, dict) else ""
    detail = f"status {answer.status}{': ' if said else ''}{said:.200}"
    reason = "changed_since" if answer.status == 409 else "failed"
    raise ActionError(reason, detail, unknown=answer.status >= 500)


def _checked(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.fullmatch(text):
        raise ActionError("unsafe_value", f"{text!r:.80} is no {what}")
    return text
