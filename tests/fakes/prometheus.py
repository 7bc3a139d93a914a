"""A Prometheus that answers instantly with what the test puts into it."""

import asyncio
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.web import Answer, FakeWeb

Labels = Mapping[str, str]
Point = tuple[Labels, float]


@dataclass
class FakePrometheus(FakeWeb):
    """Has for each expression a function from time to points; 11,000 points are its limit."""

    now: float | None = 1.7e9
    """When it believes to be; None is the time that it is."""
    series: dict[str, Callable[[float], list[Point]]] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    slow: float = 0.0
    error: tuple[int, str, str] | None = None
    """A status, Prometheus' word for the kind of error, and the error."""
    rules: list[dict[str, Any]] = field(default_factory=list)
    targets: list[dict[str, Any]] = field(default_factory=list)
    authorized: list[str | None] = field(default_factory=list)

    def alerts(self, name: str, query: str, **labels: str) -> None:
        """Have an alerting rule."""
        rule = {"type": "alerting", "name": name, "query": query, "labels": labels}
        self.rules.append(rule)

    def scrapes(self, instance: str, error: str = "") -> None:
        """Have a target, which is down where there is an error."""
        labels = {"job": "node", "instance": instance}
        said: dict[str, Any] = {"labels": labels, "lastError": error}
        said |= {"health": "down" if error else "up", "lastScrape": "", "lastScrapeDuration": 0.1}
        self.targets.append(said)

    def says(self, promql: str, *points: Point) -> None:
        self.series[promql] = lambda _: list(points)

    async def reply(self, request: web.Request) -> Answer:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append(form)
        self.authorized.append(request.headers.get("Authorization"))
        await asyncio.sleep(self.slow)
        if self.error:
            return _error(*self.error)
        if request.path.endswith("/rules"):
            group = {"name": "all", "file": "all.yml", "interval": 60, "rules": self.rules}
            groups = [group]
            return web.json_response({"status": "success", "data": {"groups": groups}})
        if request.path.endswith("/targets"):
            data = {"activeTargets": self.targets}
            return web.json_response({"status": "success", "data": data})
        if form["query"] not in self.series:
            return _error(400, "bad_data", f"no such expression: {form['query']}")
        series = self.series[form["query"]]
        if request.path.endswith("/query"):
            now = time.time() if self.now is None else self.now
            result: Any = [
                {"metric": labels, "value": [now, _text(value)]} for labels, value in series(now)
            ]
            return self._success("vector", result)
        return self._range(form, series)

    def _range(self, form: Mapping[str, str], series: Callable[[float], list[Point]]) -> Answer:
        start, end, step = (float(form[name]) for name in ("start", "end", "step"))
        count = math.floor((end - start) / step) + 1
        if count > 11_000:
            return _error(400, "bad_data", "exceeded maximum resolution of 11,000 points")
        rows: dict[str, list[list[Any]]] = {}
        for at in (start + step * i for i in range(count)):
            for labels, value in series(at):
                rows.setdefault(json.dumps(labels), []).append([at, _text(value)])
        result = [{"metric": json.loads(labels), "values": row} for labels, row in rows.items()]
        return self._success("matrix", result)

    def _success(self, kind: str, result: Any) -> Answer:
        document = {"status": "success", "data": {"resultType": kind, "result": result}}
        text = json.dumps(document | self.extra, separators=(",", ":"))
        return web.Response(text=text, content_type="application/json")


def _text(value: float) -> str:
    return {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}.get(repr(value), f"{value:g}")


def _error(status: int, kind: str, words: str) -> Answer:
    return web.json_response({"status": "error", "errorType": kind, "error": words}, status=status)
