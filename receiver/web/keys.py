"""What the handlers find in their application."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from aiohttp import ClientSession, web

from receiver.delivery.sending import Outlet
from receiver.incidents.acting import Acting
from receiver.incidents.grading import Grading
from receiver.incidents.oncall.duty import Duty
from receiver.incidents.people import People
from receiver.incidents.quiet.planning import Planning
from receiver.intake.ingest import Intake
from receiver.metrics import Metrics
from receiver.model import Notification
from receiver.reports.reporting import Reporting
from receiver.reports.settings import Reports
from receiver.responses.engine import Engine
from receiver.rulebook.changing import Rulebook
from receiver.signing import Signer
from receiver.store.store import Store
from receiver.upstream.prometheus import Prometheus
from receiver.web.auth import Token
from receiver.web.changes import Changes
from receiver.web.feed import Feed
from receiver.web.health import Health
from receiver.web.pages import Pages
from receiver.web.signature import Signatures

_MOST_ASKED = 4
"""Questions of the API that are passed on at once, in turns of which none waits."""

Reload = Callable[[str], Awaitable[Sequence[str]]]
"""Reads the configuration again for somebody; returns what is wrong with it."""


async def _cannot(_: str) -> Sequence[str]:
    return ["this receiver was started without a file to read again"]


SendTest = Callable[[str, Notification], Awaitable[None]]
"""Sends a test by a channel; raises LookupError, SendError and StoreUnavailableError."""


async def _knows_no_channel(name: str, _: Notification) -> None:
    raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Desk:
    """What people act on incidents by: who they are, and the key of the links that they get."""

    acting: Acting
    people: People
    signer: Signer
    http: ClientSession


@dataclass(slots=True)
class Site:
    """Everything that a request may need; a reload exchanges what the configuration decides.

    `inboxes` are the channels that the page shows; `trying` is held while a template is tried, and
    `under_way` is what goes on beside the answers; `signer` seals links.
    """

    intake: Intake
    store: Store
    metrics: Metrics
    health: Health
    feed: Feed
    pages: Pages
    tokens: Sequence[Token]
    inboxes: Sequence[str]
    channels: Sequence[str]
    signer: Signer
    planning: Planning
    signatures: Signatures | None = None
    desk: Desk | None = None
    engine: Engine | None = None
    duty: Duty = field(init=False)
    grading: Grading = field(init=False)
    changes: Changes = field(init=False)
    reporting: Reporting = field(init=False)
    prometheus: Prometheus | None = None
    rulebook: Rulebook | None = None
    reload: Reload = _cannot
    send_test: SendTest = _knows_no_channel
    outlets: Mapping[str, Outlet] = field(default_factory=dict)
    asking: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_MOST_ASKED))
    trying: asyncio.Lock = field(default_factory=asyncio.Lock)
    under_way: set[asyncio.Future[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.duty = Duty({}, {}, self.store)
        self.grading = Grading(self.store)
        self.changes = Changes(self.store)
        self.reporting = Reporting(self.store, Reports(), ZoneInfo("UTC"))


SITE = web.AppKey("site", Site)
