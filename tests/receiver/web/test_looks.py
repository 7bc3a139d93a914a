"""Every page in a real browser: on a phone, by day and by night, by keyboard and to a reader.

https://www.w3.org/TR/WCAG21/
"""

import re
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from receiver.channels.inbox import Inbox
from receiver.delivery.sending import Outlet
from receiver.incidents.acting import Acting
from receiver.messages.render import Style
from receiver.model import Language
from receiver.store.records import Decision, Known
from receiver.store.store import Store
from receiver.upstream.alertmanager import Alertmanager
from receiver.upstream.prometheus import Prometheus
from receiver.web.changes import Changes
from receiver.web.keys import Desk, Site
from receiver.web.pages import STATIC, Pages
from receiver.web.server import application
from tests.fakes.prometheus import FakePrometheus
from tests.receiver.web.browser import CHROMIUM, Browser, browsing
from tests.receiver.web.test_quiet import FakeSilences
from tests.receiver.webhooks import alert, webhook

PATHS = (
    *("/", "/incidents", "/incidents/1", "/incidents/9", "/quiet", "/channels"),
    *("/on-call", "/quality", "/rules", "/reports/weekly", "/preview", "/sign-in"),
)
LONG = "a-host-with-a-name-that-goes-on-and-on.and-on.in-some-zone.example.com:9100"
AXE = files("axe_core_python").joinpath("axe.min.js").read_text()
RUN = """axe.run({resultTypes: ['violations']}).then(found => found.violations
  .map(each => [each.id, each.impact, each.nodes.map(node => node.html).slice(0, 3)]))"""
WIDE = "document.scrollingElement.scrollWidth"
SHAPE = """({
  lang: document.documentElement.lang,
  headings: document.querySelectorAll('h1').length,
  unnamed: [...document.querySelectorAll('input:not([type=hidden]), select, textarea, button')]
    .filter(each => !each.labels?.length && !each.textContent.trim() && !each.ariaLabel)
    .map(each => each.outerHTML),
})"""
UNSEEN = """[...document.querySelectorAll('a, button, input, select, textarea')]
  .filter(each => each.offsetParent).filter(each => { each.focus({focusVisible: true});
    return getComputedStyle(each).outlineStyle === 'none' }).map(each => each.outerHTML)"""

needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")


def owed(_: Known) -> Decision:
    return Decision(("ops",))


@pytest.fixture
async def url(site: Site, store: Store) -> AsyncIterator[str]:
    """A site that has something on every page."""
    await store.accept(webhook([alert("web-1", instance=LONG)]), owed)
    style = Style("text", site.pages.language, "UTC")
    site.outlets = {"inbox": Outlet("inbox", Inbox(type="inbox"), style)}
    async with FakeSilences() as fake, FakePrometheus() as asked, ClientSession() as http:
        asked.alerts("Slow", f'rate(http_requests_total{{instance="{LONG}"}}[5m]) > 90')
        asked.rules[0] |= {"state": "firing", "alerts": [{"state": "firing"}], "duration": 300}
        asked.scrapes(LONG, f'Get "http://{LONG}/metrics": connection refused')
        site.prometheus = Prometheus(url=asked.base)
        fake.has("one", LONG, f"see https://example.com/{LONG}")
        told = Alertmanager.model_validate({"url": fake.base})
        acting = Acting(store, http, site.metrics, site.intake.accept, told)
        site.desk = Desk(acting, {}, site.signer, http)
        async with TestServer(application(site)) as server:
            yield str(server.make_url("")).rstrip("/")


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    async with browsing(tmp_path / "profile") as opened:
        yield opened


@needs_chromium
@pytest.mark.long
@pytest.mark.parametrize("language", Language)
async def test_every_page_is_good_for_a_phone_a_keyboard_and_a_reader(
    site: Site, url: str, browser: Browser, language: Language
) -> None:
    site.pages = Pages(language, "Asia/Shanghai", schedules=True)
    await browser.ask("Page.setBypassCSP", enabled=True)  # for the test's own script
    found: dict[str, Any] = {}
    for path in PATHS:
        for scheme in ("light", "dark"):
            await browser.look(360, scheme)
            await browser.open(f"{url}{path}")
            assert await browser.tell(WIDE) <= 360, f"{path} is wider than a phone"
            shape = await browser.tell(SHAPE)
            assert shape == {"lang": language.value, "headings": 1, "unnamed": []}, path
            assert await browser.tell(UNSEEN) == [], f"{path}: a focus is not seen"
            await browser.until("document.querySelector('#title')?.textContent !== ''")
            await browser.tell(AXE)
            found |= {f"{path} {scheme}": bad for bad in [await browser.tell(RUN)] if bad}
    assert found == {}


@needs_chromium
@pytest.mark.long
async def test_rows_are_exchanged_in_place_as_incidents_change(
    site: Site, store: Store, url: str, browser: Browser
) -> None:
    site.changes = Changes(store, period=0.1)
    await browser.open(f"{url}/incidents")
    await browser.until("document.getElementById('state').dataset.now === 'live'")
    await browser.tell("document.querySelector('#i1 a').focus()")
    await browser.tell("window.kept = document.getElementById('i1')")
    await store.accept(webhook(groupKey="another"), owed)
    await browser.until("document.getElementById('cases').firstElementChild.id === 'i2'")
    assert await browser.tell("window.kept === document.getElementById('i1')")
    assert await browser.tell("document.activeElement.closest('li')?.id") == "i1"
    await store.accept(webhook([alert("web-1", "resolved", instance=LONG)]), owed)
    await browser.until("document.getElementById('i1').className.includes('resolved')")
    assert await browser.tell("document.activeElement.closest('li')?.id") == "i1"


async def test_a_page_with_all_that_it_needs_is_small(url: str) -> None:
    async with ClientSession() as http:
        for path in PATHS:
            async with http.get(f"{url}{path}") as answer:
                page = await answer.text()
            needed = {Path(name).name for name in re.findall(r'"[./]*static/([^"]+)"', page)}
            assert "inbox.css" in needed
            size = len(page) + sum((STATIC / name).stat().st_size for name in needed)
            assert size < 100_000, path


def schemes() -> list[dict[str, str]]:
    """Return the colours of both schemes by their names."""
    blocks = re.findall(r":root \{(.*?)\}", (STATIC / "inbox.css").read_text(), re.DOTALL)
    found = [dict(re.findall(r"--(\w+): (#\w+)", block)) for block in blocks]
    assert len(found) == 2
    return found


def light(color: str) -> float:
    """Return the relative luminance of a colour (WCAG 2.1)."""
    digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    dark, bright = sorted((light(one), light(other)))
    return (bright + 0.05) / (dark + 0.05)


def test_every_word_can_be_told_from_what_is_behind_it() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    for colors in schemes():
        behind = {name: colors.pop(name) for name in ("ground", "card")}
        colors.pop("line")
        poor = {
            (name, under)
            for name, color in colors.items()
            for under, ground in behind.items()
            if contrast(color, ground) < 4.5
        }
        assert not poor
