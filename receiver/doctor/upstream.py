"""Alertmanager and Prometheus: whether they answer, and what the first one sends here."""

import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import aiohttp
import yaml

from receiver.config import Config
from receiver.doctor.finding import Finding, fail, ok, warn
from receiver.doctor.reach import check_clock
from receiver.pictures.studio import is_equipped
from receiver.settings import parse_duration
from receiver.upstream.alertmanager import ask_status
from receiver.upstream.asking import AskError
from receiver.upstream.prometheus import ask_now, ask_rules
from receiver.web.auth import Scope, is_guarded

_PATH = "/webhook/alertmanager"
_MASKED = "<secret>"
_DEFAULTS = {"group_interval": "5m", "repeat_interval": "4h"}

Node = Mapping[str, Any]


async def check_alertmanagers(config: Config, http: aiohttp.ClientSession) -> list[Finding]:
    """Ask each Alertmanager about itself."""
    told = config.alertmanager
    if told is None:
        return [warn("alertmanager", "not configured, so a resolved that gets lost is not noticed")]
    found: list[Finding] = []
    for url in told.url:
        subject = f"alertmanager {url}"
        try:
            status = await ask_status(http, told, url)
        except AskError as error:
            found.append(fail(subject, f"{error}; check the address, and who may ask it"))
            continue
        found.append(ok(subject, f"version {status.version}, up since {status.up_since:%F %T} UTC"))
        found += check_clock(subject, status.date, datetime.now(UTC))
        try:
            document = yaml.safe_load(status.config)
        except yaml.YAMLError:
            document = None
        if isinstance(document, dict):
            found += [Finding(f.level, subject, f.said) for f in read(document, config)]
        else:
            found.append(warn(subject, "its configuration cannot be read"))
    return found


async def check_prometheus(config: Config, http: aiohttp.ClientSession) -> list[Finding]:
    """Ask Prometheus what messages are told by."""
    told = config.prometheus
    if told is None:
        return [warn("prometheus", "not configured, so messages have no values and no pictures")]
    subject = f"prometheus {told.url}"
    try:
        await ask_now(http, told, "vector(1)", datetime.now(UTC))
        rules = await ask_rules(http, told)
    except AskError as error:
        return [fail(subject, f"{error}; check the address, and who may ask it")]
    if not rules:
        return [warn(subject, "has no alerting rules; name the one whose rules fire")]
    found = [ok(subject, f"answers, and has rules for {len(rules)} alerts")]
    if told.pictures and not is_equipped():
        remedy = f"{sys.executable} -m pip install 'tocsin[charts]', or pictures: false"
        found.append(warn(subject, f"no pictures without matplotlib; {remedy}"))
    return found


def read(document: Node, config: Config) -> Iterator[Finding]:
    """Say what an Alertmanager's configuration sends here; subjects are left to the caller."""
    hooks = dict(_hooks(document))
    if not hooks:
        yield fail("", f"no receiver has a webhook to {_PATH}; add one to its webhook_configs")
        return
    routes = [r for r in _routes(document.get("route") or {}, {}) if r["receiver"] in hooks]
    masked = " (or elsewhere: it masks addresses)" if _are_masked(hooks.values()) else ""
    names = ", ".join(sorted(hooks))
    if not routes:
        yield fail("", f"no route leads to {names}, so nothing is sent here")
        return
    yield ok("", f"{len(routes)} routes send here{masked}, by {names}")
    beats = [route for route in routes if _is_watchdog(route)]
    quiet = {r["receiver"] for r in beats} - {r["receiver"] for r in routes if r not in beats}
    for name, hook in hooks.items():
        yield from _read_hook(name, hook, config, heartbeat=name in quiet)
    yield from _read_beats(beats, config)
    slow = [
        r
        for r in routes
        if config.alertmanager and _seconds(r, "group_interval") >= config.alertmanager.patience
    ]
    if slow:
        yield warn("", "alertmanager.patience is not longer than a group_interval; make it so")


def _read_hook(name: str, hook: Node, config: Config, *, heartbeat: bool) -> Iterator[Finding]:
    if hook.get("send_resolved") is False and not heartbeat:
        yield warn("", f"{name}: send_resolved is off, so nobody hears that an alert is over")
    if not hook.get("max_alerts"):
        yield warn("", f"{name}: max_alerts is not set; a flood may be refused for its size")
    http = hook.get("http_config") or {}
    shown = any(
        http.get(key)
        for key in ("authorization", "basic_auth", "bearer_token", "tls_config", "http_headers")
    )
    if is_guarded(config.tokens, Scope.INGEST) and not shown:
        yield fail(
            "", f"{name}: shows no token, and tokens demand one; add http_config.authorization"
        )


def _read_beats(beats: list[Node], config: Config) -> Iterator[Finding]:
    if not config.watchdog:
        return
    if not beats:
        yield warn("", "no route of its own for Watchdog; see deploy/alertmanager.yml")
        return
    slowest = max(max(_seconds(r, key) for key in _DEFAULTS) for r in beats)
    if slowest >= config.watchdog:
        yield fail("", f"Watchdog comes every {slowest:g} s, and watchdog is {config.watchdog:g} s")
    else:
        yield ok("", f"Watchdog comes every {slowest:g} s")


def _hooks(document: Node) -> Iterator[tuple[str, Node]]:
    """Yield the receivers whose webhook may be ours, by name."""
    for receiver in document.get("receivers") or ():
        for hook in receiver.get("webhook_configs") or ():
            url = str(hook.get("url", _MASKED))
            if url == _MASKED or _PATH in url:
                yield str(receiver.get("name")), hook


def _are_masked(hooks: Any) -> bool:
    return all(str(hook.get("url", _MASKED)) == _MASKED for hook in hooks)


def _routes(route: Node, above: Node) -> Iterator[Node]:
    """Yield each route with what it inherits."""
    kept = {key: above[key] for key in ("receiver", *_DEFAULTS) if key in above}
    here = {**_DEFAULTS, **kept, **route}
    here.setdefault("receiver", "")
    yield here
    for inner in route.get("routes") or ():
        yield from _routes(inner, here)


def _is_watchdog(route: Node) -> bool:
    said = [str(matcher) for matcher in route.get("matchers") or ()]
    said += [str(value) for value in (route.get("match") or {}).values()]
    return any("Watchdog" in text for text in said)


def _seconds(route: Node, key: str) -> float:
    try:
        return parse_duration(route[key])
    except ValueError:
        return 0.0
