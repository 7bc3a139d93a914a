"""What the handlers serve."""

from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web
from pydantic import SecretStr

from exporter.exposition import Page
from exporter.model import Sample
from exporter.quality.opinions import Opinions
from exporter.signals.pushed import Pushed
from exporter.state.keeper import Keeper
from exporter.tick import Ticker


@dataclass(slots=True)
class Service:
    """The parts of a running exporter; a reload exchanges `tokens` and parts of `ticker`."""

    ticker: Ticker
    version: str
    about: Callable[[], list[Sample]]
    """Samples of the process itself: its build, its configuration."""
    reload: Callable[[], tuple[str, ...]]
    """Read the configuration again; returns what is wrong with it, nothing if it is in force."""
    tokens: tuple[SecretStr, ...] = ()
    keeper: Keeper | None = None
    """Keeps what was learned; None where nothing does."""
    config_trouble: str = ""
    """Why the latest reload failed, so that the old settings are in force; empty if it did not."""
    page: Page = field(default_factory=Page)
    opinions: Opinions = field(default_factory=Opinions)
    pushed: Pushed = field(default_factory=Pushed)


SERVICE = web.AppKey("service", Service)
