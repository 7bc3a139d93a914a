"""How the exporter itself is: one word for each check, and the worst of them for the whole."""

import time
from dataclasses import dataclass
from enum import StrEnum

from aiohttp import web

from exporter.state.keeper import Keeper
from exporter.tick import Ticker
from exporter.web.service import SERVICE


class Status(StrEnum):
    """From best to worst; unknown is what has not run yet."""

    HEALTHY = "healthy"
    UNKNOWN = "unknown"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


_RANK = list(Status)


@dataclass(frozen=True, slots=True)
class Check:
    """The state of one part, and why."""

    status: Status
    detail: str


def check_collectors(ticker: Ticker) -> Check:
    """Degraded while some collectors fail, unhealthy while all do."""
    troubles = {name: why for name, why in ticker.fence.troubles.items() if why}
    if not ticker.fence.troubles:
        return Check(Status.UNKNOWN, "none has run yet")
    if not troubles:
        return Check(Status.HEALTHY, f"{len(ticker.fence.troubles)} run")
    failed_all = len(troubles) == len(ticker.fence.troubles)
    detail = "; ".join(f"{name}: {why}" for name, why in troubles.items())
    return Check(Status.UNHEALTHY if failed_all else Status.DEGRADED, detail)


def check_remotes(ticker: Ticker) -> dict[str, Check]:
    """Degraded while values from elsewhere are missing or come late."""
    troubles = {name: remote.trouble for name, remote in ticker.remotes.items()}
    return {
        name: Check(Status.DEGRADED if why else Status.HEALTHY, why or "well")
        for name, why in troubles.items()
    }


def check_state(keeper: Keeper | None) -> dict[str, Check]:
    """Degraded while what was learned cannot be saved; healthy scores go on all the same."""
    if keeper is None:
        return {}
    status = Status.DEGRADED if keeper.trouble else Status.HEALTHY
    return {"state": Check(status, keeper.trouble or "well")}


def check_paths(ticker: Ticker) -> dict[str, Check]:
    """Degraded while a folder that collectors are to read is not there; else no check at all."""
    missing = "; ".join(
        f"{name}: {path} is no folder that can be read"
        for name, path in ticker.fence.missing.items()
    )
    return {"paths": Check(Status.DEGRADED, missing)} if missing else {}


def check_config(trouble: str) -> Check:
    """Degraded while the file on disk is wrong and the old settings are in force."""
    if not trouble:
        return Check(Status.HEALTHY, "what was last read is in force")
    return Check(Status.DEGRADED, f"not reloaded: {trouble}")


def check_names(ticker: Ticker, now: float) -> Check:
    """Degraded where something that the configuration names has matched nothing for long."""
    waiting = str(ticker.unmatched)
    status = Status.DEGRADED if ticker.unmatched.late(now) else Status.HEALTHY
    return Check(status, waiting or "all that is configured has been found")


def check_tick(ticker: Ticker, now: float) -> Check:
    """Degraded when the scores on the page are two intervals old, unhealthy from four on."""
    if ticker.snapshot is None:
        return Check(Status.UNKNOWN, "no tick yet")
    age = now - ticker.snapshot.timestamp
    late = age / ticker.rule.interval
    status = Status.HEALTHY if late < 2 else Status.DEGRADED if late < 4 else Status.UNHEALTHY
    return Check(status, f"{age:.1f} s old, due every {ticker.rule.interval:g} s")


def worst(checks: dict[str, Check]) -> Status:
    """Return the status that an operator should see first."""
    return max((check.status for check in checks.values()), key=_RANK.index)


async def health(request: web.Request) -> web.Response:
    """Answer with all checks; 503 only where the exporter is of no use."""
    service = request.app[SERVICE]
    ticker = service.ticker
    checks = {"config": check_config(service.config_trouble), **check_paths(ticker)}
    checks |= {"collectors": check_collectors(ticker), "tick": check_tick(ticker, time.time())}
    checks["names"] = check_names(ticker, time.monotonic())
    checks |= check_remotes(ticker) | check_state(service.keeper)
    return _answer(checks, failing=frozenset({Status.UNHEALTHY}))


async def live(_: web.Request) -> web.Response:
    """Answer at all, which is the check."""
    return _answer({"process": Check(Status.HEALTHY, "answers")}, failing=frozenset())


async def ready(request: web.Request) -> web.Response:
    """Answer 503 until there are scores to serve, and when they are no longer made."""
    checks = {"tick": check_tick(request.app[SERVICE].ticker, time.time())}
    return _answer(checks, failing=frozenset({Status.UNHEALTHY, Status.UNKNOWN}))


async def probe_healthy(_: web.Request) -> web.Response:
    """Answer an orchestrator's liveness probe."""
    return web.Response(text="Tocsin exporter is healthy.\n")


async def probe_ready(request: web.Request) -> web.Response:
    """Answer an orchestrator's readiness probe: ready after the first tick."""
    if request.app[SERVICE].ticker.snapshot is None:
        raise web.HTTPServiceUnavailable(text="Tocsin exporter has not ticked yet.\n")
    return web.Response(text="Tocsin exporter is ready.\n")


def _answer(checks: dict[str, Check], failing: frozenset[Status]) -> web.Response:
    status = worst(checks)
    told = {name: {"status": one.status, "detail": one.detail} for name, one in checks.items()}
    code = 503 if status in failing else 200
    return web.json_response({"status": status, "checks": told}, status=code)
