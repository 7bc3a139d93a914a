"""A real Prometheus whose rules a site changes."""

from pathlib import Path

from aiohttp import ClientSession

from receiver.incidents.acting import Acting
from receiver.rulebook.changing import Rulebook
from receiver.upstream.prometheus import Prometheus
from receiver.web.keys import Desk, Site

OTHERS = """\
groups: [{name: others, rules: [{record: one, expr: vector(1)}]}]
"""


def manage(site: Site, http: ClientSession, url: str, path: Path) -> None:
    site.prometheus = Prometheus(url=url)
    site.rulebook = Rulebook(path, site.prometheus, site.metrics)
    acting = Acting(site.store, http, site.metrics, site.intake.accept, None)
    site.desk = Desk(acting, {}, site.signer, http)
