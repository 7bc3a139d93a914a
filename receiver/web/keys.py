"""What the handlers find in their application."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from receiver.intake.ingest import Intake
from receiver.metrics import Metrics
from receiver.store.store import Store
from receiver.web.auth import Token
from receiver.web.feed import Feed
from receiver.web.health import Health
from receiver.web.pages import Pages
from receiver.web.signature import Signatures


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that a request may need; `inboxes` are the channels that the page shows."""

    intake: Intake
    store: Store
    metrics: Metrics
    health: Health
    feed: Feed
    pages: Pages
    tokens: Sequence[Token]
    inboxes: Sequence[str]
    channels: Sequence[str]
    signatures: Signatures | None = None


SITE = web.AppKey("site", Site)
