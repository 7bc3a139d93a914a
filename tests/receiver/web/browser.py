"""A real browser, driven by its own protocol.

https://chromedevtools.github.io/devtools-protocol/
"""

import asyncio
import json
import shutil
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse

CHROMIUM = shutil.which("chromium") or ""
_ARGV = (
    *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
    "--disable-features=IsolateSandboxedIframes",  # in a process apart a test sees nothing of them
)


@dataclass
class Browser:
    """One page of a browser."""

    socket: ClientWebSocketResponse
    _asked: int = 0

    async def ask(self, method: str, **params: Any) -> Any:
        """Ask for something, and return the answer; what else is told meanwhile is left aside."""
        self._asked = number = self._asked + 1
        await self.socket.send_json({"id": number, "method": method, "params": params})
        while True:
            said = await self.socket.receive_json(timeout=30)
            if said.get("id") == number:
                assert "error" not in said, said
                return said["result"]

    async def tell(self, expression: str) -> Any:
        """Return the value of an expression, of a promise what it comes to."""
        said = await self.ask(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in said, said["exceptionDetails"]
        return said["result"].get("value")

    async def until(self, expression: str) -> None:
        """Wait until an expression is true."""
        async with asyncio.timeout(30):
            while not await self.tell(expression):  # noqa: ASYNC110 -- it tells of nothing itself
                await asyncio.sleep(0.05)

    async def look(self, width: int, scheme: str) -> None:
        """Be as wide as this, light or dark."""
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
        await self.ask("Emulation.setDeviceMetricsOverride", **size)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        await self.ask("Emulation.setEmulatedMedia", features=[feature])

    async def open(self, url: str) -> None:
        """Go to a page, and wait until it is whole."""
        await self.tell("window.left = true")
        await self.ask("Page.navigate", url=url)
        await self.until("!window.left && document.readyState === 'complete'")


@asynccontextmanager
async def browsing(folder: Path) -> AsyncIterator[Browser]:
    """Run a browser with a profile of its own."""
    flags = (f"--user-data-dir={folder}", "--remote-debugging-port=0", "about:blank")
    process = await asyncio.create_subprocess_exec(*_ARGV, *flags, stdout=DEVNULL, stderr=DEVNULL)
    try:
        port = await _port(folder / "DevToolsActivePort")
        async with ClientSession() as http, http.get(f"http://127.0.0.1:{port}/json") as answer:
            pages = [each for each in json.loads(await answer.text()) if each["type"] == "page"]
            async with http.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                browser = Browser(socket)
                await browser.ask("Page.enable")
                await browser.ask("Emulation.setFocusEmulationEnabled", enabled=True)
                yield browser
    finally:
        process.terminate()
        await process.wait()


async def _port(file: Path) -> int:
    """Return the port that a browser has written down, as soon as it has."""
    async with asyncio.timeout(30):
        while (port := await asyncio.to_thread(_read, file)) is None:  # noqa: ASYNC110 -- a file tells nobody
            await asyncio.sleep(0.05)
    return port


def _read(file: Path) -> int | None:
    said = file.read_text().splitlines() if file.exists() else []
    return int(said[0]) if len(said) > 1 else None
