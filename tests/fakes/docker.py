"""Docker's engine on a Unix socket, with the shapes of its API: containers, inspect, restart."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from aiohttp import web

_INSPECT: dict[str, Any] = {
    "Created": "2026-11-29T08:00:00.000000000Z",
    "Path": "nginx",
    "Args": ["-g", "daemon off;"],
    "Image": "sha256:00",
    "RestartCount": 0,
    "HostConfig": {"RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0}},
}


@dataclass
class FakeDocker:
    """`restarts` has what was restarted, with the seconds given to stop."""

    socket: Path
    containers: dict[str, dict[str, Any]] = field(default_factory=dict)
    restarts: list[tuple[str, str]] = field(default_factory=list)
    broken: int = 0
    _runner: web.AppRunner | None = None

    def add(self, name: str, labels: dict[str, str] | None = None, health: str = "") -> None:
        state = {
            "Status": "running",
            "Running": True,
            "Paused": False,
            "Restarting": False,
            "OOMKilled": False,
            "Dead": False,
            "Pid": 4711,
            "ExitCode": 0,
            "Error": "",
            "StartedAt": "2026-11-29T08:00:01.000000000Z",
            "FinishedAt": "0001-01-01T00:00:00Z",
        }
        if health:
            state["Health"] = {"Status": health, "FailingStreak": 3, "Log": []}
        config = {"Hostname": name, "Labels": labels}
        about = {"Id": f"{name}-{'0' * 56}", "Name": f"/{name}", "State": state, "Config": config}
        self.containers[name] = {**_INSPECT, **about}

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/containers/{name}/json", self._inspect)
        app.router.add_post("/containers/{name}/restart", self._restart)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.UnixSite(self._runner, str(self.socket)).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    def _find(self, request: web.Request) -> dict[str, Any]:
        name = request.match_info["name"]
        for known, about in self.containers.items():
            if name in {known, about["Id"]}:
                return about
        text = json.dumps({"message": f"No such container: {name}"})
        raise web.HTTPNotFound(text=text, content_type="application/json")

    async def _inspect(self, request: web.Request) -> web.Response:
        return web.json_response(self._find(request))

    async def _restart(self, request: web.Request) -> web.Response:
        about = self._find(request)
        if self.broken:
            return web.json_response({"message": "cannot restart it"}, status=self.broken)
        self.restarts.append((about["Name"], request.query["t"]))
        about["State"] |= {"Status": "running", "StartedAt": "2026-11-29T09:00:00.000000000Z"}
        return web.Response(status=204)
