"""Containers, by the API of Docker's engine on its socket."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import aiohttp
from pydantic import AfterValidator
from yarl import URL

from receiver.responses.actions.contract import ActionError
from receiver.responses.actions.exchange import Answer, Request, exchange

SOCKET = "/var/run/docker.sock"
_CONTAINER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,200}")
_PLACE = re.compile(r"\$\{[^{}]*\}")


def _check_container(text: str) -> str:
    if not _CONTAINER.fullmatch(_PLACE.sub("x", text)):
        raise ValueError(f"{text!r:.80} is no container; write its name")
    return text


ContainerName = Annotated[str, AfterValidator(_check_container)]


@dataclass(frozen=True, slots=True)
class Container:
    """What the engine says of a container; `health` is empty where nothing looks at it."""

    id: str
    labels: Mapping[str, str]
    status: str
    health: str
    started: str
    exit: int
    out_of_memory: bool
    restarts: int

    @property
    def said(self) -> str:
        """How it stands, in one line."""
        health = f", {self.health}" if self.health else ""
        killed = ", killed for its memory" if self.out_of_memory else ""
        return f"{self.status}{health}, last exit {self.exit}{killed}, started {self.started}"


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine that listens on a socket; each question has so many seconds."""

    socket: str
    seconds: float

    async def container(self, name: str) -> Container | None:
        """Return a container, None where there is none; raises ActionError."""
        if not _CONTAINER.fullmatch(name):
            raise ActionError("unsafe_value", f"{name!r:.80} is no container")
        answer = await self._ask("GET", URL(f"http://docker/containers/{name}/json"))
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise ActionError("failed", f"docker: {_message(answer)}")
        try:
            return _container(json.loads(answer.text))
        except (ValueError, LookupError, TypeError) as error:
            raise ActionError("unexpected", f"docker: {type(error).__name__}") from None

    async def restart(self, container: Container, patience: int) -> None:
        """Stop it, at the latest after so many seconds, and start it; raises ActionError."""
        path = URL(f"http://docker/containers/{container.id}/restart").with_query(t=patience)
        answer = await self._ask("POST", path)
        if answer.status != 204:
            unknown = answer.status >= 500
            raise ActionError("failed", f"docker: {_message(answer)}", unknown=unknown)

    async def _ask(self, method: str, url: URL) -> Answer:
        connector = aiohttp.UnixConnector(self.socket)
        async with aiohttp.ClientSession(connector=connector) as http:
            return await exchange(http, Request(method, url, self.seconds))


def _container(document: Any) -> Container:
    state = document["State"]
    return Container(
        id=document["Id"],
        labels=document["Config"].get("Labels") or {},
        status=state["Status"],
        health=(state.get("Health") or {}).get("Status", ""),
        started=state["StartedAt"],
        exit=state["ExitCode"],
        out_of_memory=state["OOMKilled"],
        restarts=document["RestartCount"],
    )


def _message(answer: Answer) -> str:
    try:
        return f"{json.loads(answer.text)['message']:.200}"
    except (ValueError, LookupError, TypeError):
        return f"status {answer.status}"
