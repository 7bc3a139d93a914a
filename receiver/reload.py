"""The configuration in force, and how another takes its place while the receiver runs."""

import asyncio
import logging
import os
import signal
import ssl
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from aiohttp import ClientSession

from receiver import config
from receiver.background.lookup import Easel, Hang, Lookup
from receiver.channels.inbox import Inbox
from receiver.config import Config
from receiver.delivery.crew import Crew
from receiver.delivery.sending import Outlet
from receiver.delivery.worker import Ties, Worker
from receiver.incidents.acting import Acting
from receiver.incidents.oncall.duty import Duty
from receiver.incidents.probing import Probe
from receiver.incidents.quiet.keeping import Habits, Rules
from receiver.incidents.quiet.planning import Planning
from receiver.intake.ingest import Ears, Intake
from receiver.metrics import Metrics, start_from_zero
from receiver.model import ConfigError
from receiver.outlets import outlets
from receiver.pictures.studio import Studio, is_equipped
from receiver.reports.reporting import Reporting
from receiver.rulebook.changing import Rulebook
from receiver.signing import Signer
from receiver.store.audit import Change
from receiver.store.records import Posted
from receiver.store.schema import StoreUnavailableError
from receiver.store.store import Store
from receiver.web import pictures
from receiver.web.feed import Feed
from receiver.web.health import Health
from receiver.web.keys import Desk, Site
from receiver.web.pages import Pages
from receiver.web.signature import Signatures

_LOG = logging.getLogger(__name__)

_FIXED = ("listen", "store", "retention")
"""What takes effect at the next start only."""

Load = Callable[[], Config]


class InForce:
    """Puts what a configuration decides into the site and the crew."""

    def __init__(
        self,
        config: Config,
        store: Store,
        http: ClientSession,
        numbers: Metrics,
        crew: Crew,
        signer: Signer,
    ) -> None:
        self.config = config
        self._signer = signer
        self.tls = None if config.tls is None else ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._crew = crew
        self.lookup = Lookup(
            lambda: self.config.prometheus, http, numbers, store.now, _easel(self._hang)
        )
        known = self.lookup.look, self.lookup.late
        self._ties = Ties(store, http, numbers, self._publish, crew.wake, *known)
        self._one_at_a_time = asyncio.Lock()
        self.planning = Planning(store, lambda: self._rules)
        self.site = Site(
            intake=Intake(store, config.routes, numbers, crew.wake),
            store=store,
            metrics=numbers,
            health=Health(store),
            feed=Feed(),
            pages=_pages(config),
            tokens=(),
            inboxes=(),
            channels=(),
            send_test=crew.send_test,
            signer=signer,
            planning=self.planning,
        )
        self._apply(config)

    async def reload(self, load: Load, who: str) -> Sequence[str]:
        """Load the configuration again for somebody.

        Where that fails, log and return what is wrong and change nothing.
        """
        async with self._one_at_a_time:
            try:
                config = await asyncio.to_thread(load)  # it tries every template of the user's
                _check_emptied(self.config, config)
            except ConfigError as error:
                for problem in error.problems:
                    _LOG.error("not reloaded: %s", problem)
                self.site.metrics.reloaded.set(0)
                await self._note(Change(who, "reload", "configuration", "refused"))
                return error.problems
            self._apply(config)
            self.site.metrics.reloaded.set(1)
            _LOG.info("configuration reloaded")
            await self._note(Change(who, "reload", "configuration", "in force"))
            await self._bury()
        return ()

    def _apply(self, config: Config) -> None:
        """Exchange everything at once; nothing is awaited, so no request sees a half of it."""
        for name in _FIXED:
            if getattr(config, name) != getattr(self.config, name):
                _LOG.warning("%s: takes effect at the next start", name)
        if (config.tls is None) != (self.tls is None):
            _LOG.warning("tls: takes effect at the next start")
        elif config.tls is not None and self.tls is not None:
            config.tls.load(self.tls)
        if config.grafana != self.config.grafana or self.site.signatures is None:
            # Otherwise kept, since they remember what was shown before.
            self.site.signatures = Signatures(config.grafana) if config.grafana else None
        self.config = config
        self._rules = rules_of(config)
        site = self.site
        site.outlets = {outlet.name: outlet for outlet in outlets(config, self._signer)}
        self._crew.exchange(site.outlets.values(), self._hire)
        start_from_zero(site.metrics, config.channels)
        site.intake = Intake(
            site.store,
            config.routes,
            site.metrics,
            self._wake,
            _ears(config),
            self.planning.quiet,
            config.incidents,
        )
        site.desk = Desk(self._acting(config), config.people, self._signer, self._ties.http)
        site.duty = Duty(config.schedules, config.people, site.store)
        site.reporting = self._reporting(config)
        site.prometheus = config.prometheus
        told = config.prometheus
        site.grading.probe = Probe(self._ties.http, told) if told else None
        site.rulebook = _rulebook(config, site.metrics)
        site.pages = _pages(config)
        site.tokens = config.tokens
        site.inboxes = _inboxes(config)
        site.channels = tuple(config.channels)

    def _wake(self, names: Iterable[str]) -> None:
        """Let channels look at what they are owed, and responses at what fires."""
        self._crew.wake(names)
        if self.site.engine:
            self.site.engine.wake()

    def _acting(self, config: Config) -> Acting:
        ties, site = self._ties, self.site
        announce = site.intake.accept
        asked = config.alertmanager, config.exporters
        return Acting(ties.store, ties.http, ties.metrics, announce, *asked)

    def _reporting(self, config: Config) -> Reporting:
        zone, http = ZoneInfo(config.timezone), self._ties.http
        return Reporting(
            self._ties.store, config.reports, zone, http, config.prometheus, config.links
        )

    def _hire(self, outlet: Outlet) -> Worker:
        return Worker(outlet, self._ties)

    def _publish(self, message: Posted) -> None:
        if message.channel in self.site.inboxes:
            self.site.feed.publish(self.site.pages.event(message))

    async def _hang(self, picture: bytes) -> str:
        """Keep a picture where a link from outside leads to it, if links do."""
        site, outside = self.site, self.config.external_url
        if not outside:
            return ""
        try:
            return outside + await pictures.hang(site, picture)
        except StoreUnavailableError as error:
            _LOG.warning("a message goes without its link to a picture: %s", error)
            return ""

    async def _note(self, change: Change) -> None:
        """Write into the audit; a store that is away must not keep a configuration out."""
        try:
            await self.site.store.note(change, self.site.store.now())
        except StoreUnavailableError as error:
            _LOG.error("not in the audit: %s: %s", change, error)

    async def bury(self, now: datetime) -> None:
        """Give up messages for channels that are gone; raises StoreUnavailableError."""
        while lost := await self.site.store.bury(self.config.channels, now):
            for name, count in lost.items():
                self.site.metrics.notifications.labels(name, "dead").inc(count)
                _LOG.error("gave up %d messages: there is no channel %s any longer", count, name)

    async def _bury(self) -> None:
        try:
            await self.bury(self.site.store.now())
        except StoreUnavailableError as error:
            _LOG.warning("messages for channels that are gone stay owed: %s", error)


def _check_emptied(before: Config, after: Config) -> None:
    """Refuse what reads as the beginning of a file that somebody is writing; raises ConfigError.

    It would open every address to everybody on this machine, and give up all that is owed.
    """
    remedy = "where that is meant, restart the receiver"
    problems = []
    if before.tokens and not after.tokens:
        problems.append(f"tokens: none is left of {len(before.tokens)}; {remedy}")
    gone = not before.channels.keys() & after.channels.keys()
    if gone and after.channels.keys() == config.defaults().channels.keys():
        problems.append(f"channels: none is left of {', '.join(before.channels)}; {remedy}")
    if problems:
        raise ConfigError(problems)


@contextmanager
def on_hangup(site: Site) -> Iterator[None]:
    """Reload on SIGHUP for as long as the block lasts."""
    loop = asyncio.get_running_loop()
    under_way: set[asyncio.Future[Sequence[str]]] = set()

    def reload() -> None:
        task = asyncio.ensure_future(site.reload("SIGHUP"))
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


def _easel(hang: Hang) -> Easel | None:
    """Have pictures drawn where the extra for it is installed."""
    if not is_equipped():
        return None
    return Easel(Studio(Path(os.environ.get("TOCSIN_HOME", ".tocsin"), "charts")), hang)


def _rulebook(config: Config, numbers: Metrics) -> Rulebook | None:
    told = config.prometheus
    return Rulebook(told.rules_file, told, numbers) if told and told.rules_file else None


def _pages(config: Config) -> Pages:
    several, schedules = len(_inboxes(config)) > 1, bool(config.schedules)
    return Pages(config.language, config.timezone, several=several, schedules=schedules)


def rules_of(config: Config) -> Rules:
    """Return what a configuration keeps quiet."""
    habits = {
        name: Habits(channel.mute_times, channel.quiet_hours)
        for name, channel in config.channels.items()
    }
    return Rules(
        config.maintenance,
        config.mute_times,
        config.routes,
        habits,
        config.timezone,
        config.flapping,
    )


def _ears(config: Config) -> Ears:
    channels = config.channels
    deaf = frozenset(name for name, channel in channels.items() if not channel.hears_acts)
    fallbacks = {each.fallback for each in channels.values() if each.fallback}
    apart = frozenset(name for name, channel in channels.items() if channel.keeps_open)
    return Ears(deaf, sorted(fallbacks | {*reached(config)}), apart)


def reached(config: Config) -> Iterator[str]:
    """Yield the channels that an escalation may come to."""
    for step in (each for policy in config.escalations.values() for each in policy.steps):
        yield from filter(None, (step.channel, step.fallback))
        if step.schedule:
            yield from filter(None, (config.schedules[step.schedule].handover,))
    if config.escalations:
        yield from (person.channel for person in config.people.values() if person.channel)


def _inboxes(config: Config) -> tuple[str, ...]:
    return tuple(name for name, c in config.channels.items() if isinstance(c, Inbox))
