"""What Prometheus scrapes, and whether it could.

https://prometheus.io/docs/prometheus/latest/querying/api/#targets
"""

import re
from dataclasses import dataclass
from typing import Any

import aiohttp

from receiver.upstream.asking import AskError, Question, ask
from receiver.upstream.prometheus import Prometheus

_PATIENCE = 10.0
_LARGEST = 32 * 2**20
"""Bytes of an answer; ten thousand targets are some 12 MB."""
_PARAMETERS = re.compile(r'\?[^\s"]*')


@dataclass(frozen=True, slots=True)
class Target:
    """Something that is scraped; `health` is up, down or unknown, `seconds` the last scrape's."""

    job: str
    instance: str
    health: str
    error: str
    scraped_at: str
    seconds: float


async def ask_targets(http: aiohttp.ClientSession, told: Prometheus) -> list[Target]:
    """Ask for every target, those that are not up first; raises AskError."""
    path = "/api/v1/targets?state=active"
    answer, _ = await ask(http, Question(told, told.url, path, _PATIENCE, _LARGEST))
    try:
        found = [_target(each) for each in answer["data"]["activeTargets"]]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        detail = f"{told.url}: not Prometheus' API v1: {error!r}"
        raise AskError("unexpected", detail) from error
    return sorted(found, key=lambda each: (each.health == "up", each.job, each.instance))


def _target(said: Any) -> Target:
    labels = said["labels"]
    return Target(
        job=str(labels.get("job", "")),
        instance=str(labels.get("instance", "")),
        health=str(said["health"]),
        error=_PARAMETERS.sub("?…", str(said["lastError"]))[:1_000],  # there may be a secret
        scraped_at=str(said["lastScrape"]),
        seconds=float(said["lastScrapeDuration"]),
    )
