"""The part of Kubernetes' API server that scales deployments, with its shapes and its refusals."""

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.web import Answer, FakeWeb

TOKEN = "service-account-t0ken"
_PATH = "/apis/apps/v1/namespaces/{}/deployments/{}/scale"


@dataclass
class FakeKubernetes(FakeWeb):
    """`replicas` by path; each change makes another version.

    `others` is what somebody else sets just before a change."""

    replicas: dict[str, int] = field(default_factory=dict)
    version: int = 41
    others: int | None = None

    def add(self, namespace: str, name: str, replicas: int) -> str:
        path = _PATH.format(namespace, name)
        self.replicas[path] = replicas
        return path

    async def reply(self, request: web.Request) -> Answer:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _refuse(401, "Unauthorized", "Unauthorized")
        if request.path not in self.replicas:
            name = request.path.split("/")[-2]
            return _refuse(404, "NotFound", f'deployments.apps "{name}" not found')
        if request.method == "PATCH":
            if self.others is not None:
                self._set(request.path, self.others)
            if request.content_type != "application/merge-patch+json":
                return _refuse(415, "UnsupportedMediaType", "the body of the request was unknown")
            wanted = json.loads(await request.read())
            if wanted["metadata"]["resourceVersion"] != str(self.version):
                return _refuse(409, "Conflict", "the object has been modified; please apply again")
            self._set(request.path, wanted["spec"]["replicas"])
        return web.json_response(self._scale(request.path))

    def _set(self, path: str, replicas: int) -> None:
        self.replicas[path], self.version = replicas, self.version + 1

    def _scale(self, path: str) -> dict[str, Any]:
        _, _, _, _, _, namespace, _, name, _ = path.split("/")
        many = self.replicas[path]
        return {
            "kind": "Scale",
            "apiVersion": "autoscaling/v1",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "uid": "0f1c1f4e-6f3c-4d0c-9f0e-7c6f6d1e2a11",
                "resourceVersion": str(self.version),
                "creationTimestamp": "2026-11-01T10:00:00Z",
            },
            "spec": {"replicas": many} if many else {},
            "status": {"replicas": many, "selector": f"app={name}"},
        }


def _refuse(code: int, reason: str, message: str) -> Answer:
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }
    return web.json_response(status, status=code)
