"""Mails in a real browser, as wide as a phone and a window, in daylight and in the dark."""

import json
import re
import shutil
import subprocess
from html import escape, unescape
from pathlib import Path
from typing import Any

import pytest

from receiver.messages.library import BUILT_IN
from receiver.messages.render import Style
from receiver.messages.samples import BACKGROUNDS, CUSTODY, NOW, SAMPLES
from receiver.messages.writing import page_of, write
from receiver.model import UNKNOWN, Language

CHROMIUM = shutil.which("chromium") or ""
WIDTHS = (360, 800)
SHOWN = ("measured", "grouped", "nasty", "digest", "acknowledged", "escalated", "maintenance over")
SCHEMES = {"light": 1, "dark": 0}
MEASURE = """<script>onload = () => {
  document.body.dataset.found = JSON.stringify([...document.querySelectorAll('iframe')].map(f => {
    const page = f.contentDocument, card = page.querySelector('.card');
    const labels = [...page.querySelectorAll('td.quiet')], picture = page.querySelector('img');
    return {
      name: f.title, width: f.clientWidth, needed: page.scrollingElement.scrollWidth,
      paper: f.contentWindow.getComputedStyle(card).backgroundColor,
      ink: f.contentWindow.getComputedStyle(page.body).color,
      label: Math.max(0, ...labels.map(each => { const line = page.createRange();
        line.selectNodeContents(each); return line.getClientRects().length })),
      picture: picture ? picture.naturalWidth : 0,
    }
  }))
}</script>"""


def page(name: str, language: Language) -> str:
    style = Style("email", language, "Asia/Shanghai", "https://tocsin.example.com")
    background = BACKGROUNDS.get(name, UNKNOWN)
    written = write(SAMPLES[name], style, BUILT_IN, NOW, background, CUSTODY)
    assert not written.failures
    return page_of(written.message)


def frames() -> str:
    pages = {f"{name} {each}": page(name, each) for name in SHOWN for each in Language}
    return "".join(
        f'<iframe title="{name}" width="{width}" height="600" style="border:0"'
        f' srcdoc="{escape(html)}"></iframe>'
        for name, html in pages.items()
        for width in WIDTHS
    )


def browse(file: Path, scheme: str, *what: str) -> str:
    argv = [
        *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
        *(f"--user-data-dir={file.parent / 'profile'}", "--window-size=900,1300"),
        *(f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}", *what, file.as_uri()),
    ]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_mail_fits_a_phone_and_a_window_by_day_and_by_night(scheme: str, tmp_path: Path) -> None:
    file = tmp_path / "mails.html"
    file.write_text(f'<!doctype html><meta charset="utf-8"><body>{frames()}{MEASURE}')
    (said,) = re.findall('data-found="([^"]*)"', browse(file, scheme, "--dump-dom"))
    found: list[dict[str, Any]] = json.loads(unescape(said))
    assert len(found) == len(SHOWN) * len(Language) * len(WIDTHS)
    assert [each for each in found if each["needed"] > each["width"]] == []
    paper, ink = {
        "light": ("rgb(255, 255, 255)", "rgb(31, 35, 40)"),
        "dark": ("rgb(22, 27, 34)", "rgb(230, 237, 243)"),
    }[scheme]
    assert {(each["paper"], each["ink"]) for each in found} == {(paper, ink)}
    assert all(each["picture"] for each in found if each["name"].startswith("measured"))
    assert max(each["label"] for each in found) == 1, "a label is broken into two lines"
