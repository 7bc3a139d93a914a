"""The page of previews in a real browser: what a chat shows stands beside what writes it."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from receiver import app, config
from receiver.model import Language
from tests.receiver.web.browser import CHROMIUM, Browser, browsing

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
]

SECRETS = {
    "dingtalk": "https://oapi.dingtalk.com/robot/send?access_token=x",
    "feishu": "https://open.feishu.cn/open-apis/bot/v2/hook/x",
    "wecom": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=x",
    "teams": "https://example.webhook.office.com/x",
    "token": "1:x",
}
SHOWN = "document.querySelector('#body').textContent && !document.querySelector('#html').hidden"
HOSTILE = """
### A heading {{ view.alerts[0].host }}
**bold** [Book](https://wiki.example.com/) [bad](javascript:parent.hacked=1)
<script>parent.hacked = 1; document.title = "hacked"</script>
<img src=x onerror="parent.hacked = 1">
{% for name, url in view.people %}{{ url | link(name) }}{% endfor %}"""


def robot(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "url_file": kind, **more}


CHANNELS = {
    "ding": robot("dingtalk", people=["ada"], keyword="MONITOR", mention={"critical": ["all"]}),
    "card": robot("dingtalk", style="actionCard"),
    "feishu": robot("feishu"),
    "wecom": robot("wecom"),
    "teams": robot("teams"),
    "slack": {
        "type": "slack",
        "token_file": "token",
        "channel": "#ops",
        "signing_secret_file": "token",
    },
    "telegram": {"type": "telegram", "token_file": "token", "chat": "-1"},
    "mail": {"type": "email", "smtp": "smtp://127.0.0.1", "to": ["a@example.com"]},
    "inbox": {"type": "inbox"},
}


@pytest.fixture
async def url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncIterator[str]:
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path / "home"))
    for name, text in SECRETS.items():
        (tmp_path / name).write_text(text)
    document = {
        "listen": "127.0.0.1:0",
        "external_url": "https://tocsin.example.com",
        "language": request.param.value,
        "channels": CHANNELS,
        "people": {"ada": {"name": "Ada", "roles": ["operate"]}},
    }
    path = tmp_path / "receiver.yml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    async with app.running(config.load(path)) as found:
        yield found


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    async with browsing(tmp_path / "profile") as opened:
        yield opened


async def choose(browser: Browser, **wanted: str) -> None:
    """Change what the form asks for, and wait until it is shown."""
    values = json.dumps(wanted)
    await browser.tell(
        f"""(() => {{ said.textContent = ''; stored = source.value;
          for (const [name, value] of Object.entries({values})) wanted[name].value = value;
          wanted.channel.dispatchEvent(new Event('change', {{bubbles: true}})); }})()"""
    )
    await browser.until("[said.dataset.shown, said.dataset.failed].includes(said.textContent)")


async def framed(browser: Browser, said: str) -> list[dict[str, Any]]:
    """Return every node within the frame once it says this; no script of the page may see them."""
    async with asyncio.timeout(30):
        while said not in words(nodes := await nodes_within(browser)):  # noqa: ASYNC110 -- it tells nobody
            await asyncio.sleep(0.05)
    return nodes


async def nodes_within(browser: Browser) -> list[dict[str, Any]]:
    root = (await browser.ask("DOM.getDocument", depth=-1, pierce=True))["root"]
    found: list[dict[str, Any]] = []

    def walk(node: dict[str, Any], *, inside: bool) -> None:
        found.extend([node] if inside else [])
        for child in node.get("children", ()):
            walk(child, inside=inside)
        if "contentDocument" in node:
            walk(node["contentDocument"], inside=True)

    walk(root, inside=False)
    return found


def words(nodes: list[dict[str, Any]]) -> str:
    return " ".join(node["nodeValue"] for node in nodes if node["nodeName"] == "#text")


@pytest.mark.parametrize("url", Language, indirect=True)
async def test_every_channel_is_seen_as_its_chat_shows_it(url: str, browser: Browser) -> None:
    await browser.look(1280, "light")
    await browser.open(f"{url}/preview")
    await browser.until(SHOWN)
    assert await browser.tell("document.querySelector('#html').getAttribute('sandbox')") == ""
    for name in CHANNELS:
        await choose(browser, channel=name, about="sample measured")
        assert await browser.tell("document.querySelectorAll('#failures li').length") == 0
        hidden = await browser.tell("document.querySelector('#html').hidden")
        assert hidden is (name == "inbox"), name
        if not hidden:
            nodes = await framed(browser, "web-1:443")
            tags = {node["nodeName"] for node in nodes}
            assert tags & {"B", "STRONG", "TABLE"}, name
            assert "A" in tags, name
    await choose(browser, channel="ding", about="sample measured")
    nodes = await framed(browser, "MONITOR")
    assert {"H3", "UL", "LI", "IMG", "BLOCKQUOTE"} <= {node["nodeName"] for node in nodes}


@pytest.mark.parametrize("url", [Language.EN], indirect=True)
async def test_what_is_being_written_is_drawn_too_and_scripts_nothing(
    url: str, browser: Browser
) -> None:
    await browser.open(f"{url}/preview")
    await browser.until(SHOWN)
    for name in ("ding", "telegram", "mail"):
        page = "email.html.j2" if name == "mail" else ""
        await choose(browser, channel=name, about="sample single")
        if page:
            await choose(browser, channel=name, template=page)
        await browser.tell(f"source.value = {json.dumps(HOSTILE)}; said.textContent = ''")
        await browser.tell("document.getElementById('render').click()")
        await browser.until("said.textContent === said.dataset.edited")
        nodes = await framed(browser, "A heading web-1:443")
        assert name != "ding" or {"Ada", "MONITOR"} <= {*words(nodes).replace("\n", " ").split()}
        assert await browser.tell("window.hacked") is None
        assert await browser.tell("document.title") == "Preview · Tocsin"
