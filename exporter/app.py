"""Wiring: from a configuration to a running exporter."""

import asyncio
import logging
import platform
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import metadata
from time import monotonic

from pydantic import SecretStr

from exporter.backfill import Backfill
from exporter.config import Config
from exporter.detectors.scoring import Rule, Scorer
from exporter.fence import Fence
from exporter.fitted.fitter import keep_fitting
from exporter.fitted.models import Models, Plan
from exporter.fitted.worker import Worker
from exporter.groups.groups import Groups
from exporter.listening import listening, try_address
from exporter.model import ConfigError, Metric, Sample
from exporter.prometheus.client import Prometheus
from exporter.prometheus.connection import Connection
from exporter.quality.journal import Journal
from exporter.quality.opinions import Opinions
from exporter.signals import HOST_SIGNALS
from exporter.signals.derive import Feed, Signals
from exporter.signals.exposed import Exposed
from exporter.signals.poll import Query
from exporter.signals.promql import Promql
from exporter.signals.remote import Remote
from exporter.state.folder import Folder, TakenError
from exporter.state.keeper import Keeper, Learned
from exporter.tick import Ticker
from exporter.unmatched import Unmatched, wanted
from exporter.web.service import Service

BUILD_INFO = Metric(
    "tocsin_exporter_build_info",
    "1, with the versions of the exporter and of Python.",
    labels=("version", "python"),
)
RELOAD_OK = Metric(
    "tocsin_config_last_reload_successful",
    "1 if the latest attempt to read the configuration succeeded; on 0 the old one is in force.",
)
_GAP_INTERVALS = 5
"""How many intervals a rate may span; beyond, an average would hide what happened."""
_OVERLAP = 5.0
"""Seconds that an exporter which is just ending may still hold the folder of its successor."""

_log = logging.getLogger(__name__)


class App:
    """A configuration in force, and how to exchange it for another."""

    def __init__(self, config: Config, load: Callable[[], Config]) -> None:
        self._load = load
        self.listen = config.listen
        self._config = config
        self.service = Service(
            _ticker(config), _version(), self._about, self.reload, _tokens(config)
        )
        ticker = self.service.ticker
        ticker.exchange(self._remotes())
        self.folder = Folder(config.state.path) if config.state else None
        others: dict[str, Learned] = {
            "groups": ticker.groups,
            "observations": self.service.pushed,
        }
        self.service.keeper = (
            Keeper(self.folder, ticker.slots, ticker, others) if self.folder else None
        )
        self.service.opinions = Opinions(Journal(self.folder) if self.folder else None)
        self._configure_sensitivities(config)
        self._wait_for(config)

    def reload(self) -> tuple[str, ...]:
        """Load the configuration again; where that fails, log and return why and change nothing."""
        try:
            config = self._load()
        except ConfigError as error:
            self.service.config_trouble = error.problems[0]
            for problem in error.problems:
                _log.error("not reloaded: %s", problem)
            return error.problems
        self.service.config_trouble = ""
        self._apply(config)
        _log.info("configuration reloaded")
        return ()

    def _apply(self, config: Config) -> None:
        """Exchange what a configuration decides; what was learned of the series stays."""
        if config.listen != self.listen:
            _log.warning("listen: %s takes effect at the next start", config.listen)
        if config.scoring.limit != self.service.ticker.scorer.capacity:
            _log.warning("scoring.limit: takes effect at the next start")
        ticker = self.service.ticker
        ticker.fence = _fence(config)
        ticker.rule = _rule(config)
        ticker.signals.feeds = _feeds(config)
        if _plan(config) != ticker.models.plan:
            ticker.models = ticker.models.following(_plan(config))
        ticker.groups.roster.rules = config.groups
        asked, self._config = _asked(self._config), config
        if _asked(config) != asked:
            ticker.exchange(self._remotes())
        ticker.signals.max_gap = _GAP_INTERVALS * config.interval
        self.service.tokens = _tokens(config)
        self._configure_sensitivities(config)
        self._wait_for(config)

    def _wait_for(self, config: Config) -> None:
        """Begin to wait for what the configuration names, and say what is doubtful about it."""
        for doubt in config.doubts():
            _log.info("%s", doubt)
        signals = {one.name: one.promql is not None for one in config.signals}
        groups = config.groups if "groups" in config.model_fields_set else ()
        wants = wanted(signals, config.models.signals.sources, groups)
        self.service.ticker.unmatched = Unmatched(wants, monotonic())

    def _configure_sensitivities(self, config: Config) -> None:
        opinions = self.service.opinions
        opinions.configure(config.scoring.sensitivity, config.sensitivities())
        self.service.ticker.sensitivity = opinions.alarms_a_week

    def _remotes(self) -> dict[str, Remote]:
        """Return the sources of values from elsewhere; nobody is asked where nothing is."""
        remotes: dict[str, Remote] = {"observations": self.service.pushed}
        connection, queries = _asked(self._config)
        if connection and queries:
            prometheus = Prometheus(connection)
            past = Backfill(self.service.ticker, prometheus, connection.history)
            remotes["prometheus"] = Promql(
                prometheus, queries, past if connection.history else None
            )
        return remotes

    def _about(self) -> list[Sample]:
        info = BUILD_INFO.sample(1, self.service.version, platform.python_version())
        own = [
            info,
            RELOAD_OK.sample(float(not self.service.config_trouble)),
            *self.service.opinions.samples(),
        ]
        return own if self.service.keeper is None else [*own, *self.service.keeper.samples()]


async def serve(app: App) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status.

    Raises CannotListenError, and TakenError where another exporter keeps its state in the folder.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    loop.add_signal_handler(signal.SIGHUP, app.reload)
    await try_address(app.listen)
    async with remembering(app), listening(app.service, app.listen) as address:
        _log.info("listening on http://%s", address)
        status = await _until(stop, app.service.ticker)
        if app.service.keeper and not status:  # what a tick that failed may have spoilt is not kept
            await app.service.keeper.save()
        return status


@asynccontextmanager
async def remembering(app: App) -> AsyncIterator[None]:
    """Restore what was learned, and save it on schedule for as long as the block lasts.

    Raises TakenError where another exporter keeps its state in the folder, and goes on doing so.
    """
    if app.service.keeper is None or app.folder is None:
        yield
        return
    await _take(app.folder)
    app.service.keeper.restore()
    try:
        app.service.opinions.load()
    except OSError as error:
        _log.error("what people said of signals cannot be read: %s", error)
    saving = asyncio.create_task(_save_on_schedule(app.service.keeper, app.service.ticker))
    try:
        yield
    finally:
        await app.service.keeper.settle()
        saving.cancel()
        await asyncio.wait({saving})
        app.folder.release()


async def _take(folder: Folder) -> None:
    """Take the folder, as soon as a predecessor that is just ending has given it back."""
    due = monotonic() + _OVERLAP
    while True:
        try:
            return folder.take()
        except TakenError:
            if monotonic() >= due:
                raise
        except OSError:  # the keeper meets it, too, and says what is wrong
            return None
        await asyncio.sleep(0.1)


async def _save_on_schedule(keeper: Keeper, ticker: Ticker) -> None:
    while True:
        await ticker.ticked.wait()
        ticker.ticked.clear()
        if keeper.due(ticker.rule.interval):
            await keeper.save()


async def _until(stop: asyncio.Event, ticker: Ticker) -> int:
    """Tick and fit until told to stop; an error ends the process, for its supervisor to see."""
    working = {
        asyncio.create_task(ticker.run(), name="a tick"),
        asyncio.create_task(keep_fitting(lambda: ticker.models, Worker()), name="fitting"),
    }
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({*working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    failed = [task for task in working if task.done()]
    for task in (*working, stopping):
        task.cancel()
    await asyncio.wait(working)
    for task in failed:
        _log.critical("%s failed, so this process ends", task.get_name(), exc_info=task.exception())
    return 1 if failed else 0


def _ticker(config: Config) -> Ticker:
    rule = _rule(config)
    signals = Signals(_feeds(config), _GAP_INTERVALS * rule.interval)
    scorer = Scorer(config.scoring.limit)
    ticker = Ticker(_fence(config), signals, scorer, rule)
    ticker.models = Models(_plan(config))
    ticker.groups = Groups(config.groups)
    return ticker


def _fence(config: Config) -> Fence:
    collectors = config.enabled()
    deadlines = {name: section.deadline for name, section in collectors.items()}
    return Fence(collectors, deadlines, config.mounts())


def _feeds(config: Config) -> dict[str, Feed]:
    feeds = {name: Feed(source) for name, source in HOST_SIGNALS.items()}
    for named in config.signals:
        if named.metric:
            feeds[named.name] = Feed(Exposed(named.metric, named.match), named.limit)
    return feeds


def _asked(config: Config) -> tuple[Connection | None, dict[str, Query]]:
    """Return whom to ask, and what."""
    queries = {one.name: Query(one.promql, one.limit) for one in config.signals if one.promql}
    return config.prometheus, queries


def _plan(config: Config) -> Plan:
    told = config.models
    return Plan(
        told.signals,
        told.methods,
        told.window,
        told.history,
        told.every,
        told.deadline,
        told.limit,
    )


def _tokens(config: Config) -> tuple[SecretStr, ...]:
    return tuple(token.token for token in config.tokens)


def _rule(config: Config) -> Rule:
    scoring = config.scoring
    return Rule(config.interval, scoring.grace, scoring.hold, scoring.sensitivity)


def _version() -> str:
    try:
        return metadata.version("tocsin")
    except metadata.PackageNotFoundError:  # run from a checkout
        return "unknown"
