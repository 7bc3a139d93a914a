import contextlib
import io
import os

import pytest
from aiohttp import ClientSession

from receiver.channels.terminal import Terminal
from receiver.model import SendError
from tests.fakes.alerts import make_message


class Screen(io.StringIO):
    """A terminal that counts what is written to it at once."""

    encoding = "utf-8"

    def __init__(self, *, tty: bool, encoding: str = "utf-8") -> None:
        super().__init__()
        self.tty = tty
        self.encoding = encoding
        self.writes: list[str] = []

    def isatty(self) -> bool:
        return self.tty

    def write(self, text: str) -> int:
        self.writes.append(text)
        return len(text)


@pytest.fixture(autouse=True)
def _colors_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)


async def show(screen: Screen, monkeypatch: pytest.MonkeyPatch, http: ClientSession) -> str:
    monkeypatch.setattr("sys.stdout", screen)
    body = "down\nsince \x1b[31mnoon\x1b[0m\x07"
    await Terminal(type="terminal").send(make_message(body, title="🔴 web-1\r"), http)
    (text,) = screen.writes
    return text


async def test_a_message_is_one_plain_write_without_control_characters(
    monkeypatch: pytest.MonkeyPatch, http: ClientSession
) -> None:
    text = await show(Screen(tty=False), monkeypatch, http)
    assert text == "\n🔴 web-1\ufffd\ndown\nsince \ufffd[31mnoon\ufffd[0m\ufffd\n"


async def test_only_a_terminal_gets_color(
    monkeypatch: pytest.MonkeyPatch, http: ClientSession
) -> None:
    text = await show(Screen(tty=True), monkeypatch, http)
    assert text.startswith("\n\x1b[1;38;2;211;47;47m🔴 web-1\ufffd\x1b[0m\n")


async def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch, http: ClientSession) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    assert "\x1b" not in await show(Screen(tty=True), monkeypatch, http)


async def test_a_terminal_without_unicode_gets_question_marks(
    monkeypatch: pytest.MonkeyPatch, http: ClientSession
) -> None:
    text = await show(Screen(tty=False, encoding="ascii"), monkeypatch, http)
    assert text.startswith("\n? web-1?\n")


async def test_a_pipe_that_nobody_reads_delays_only_this_channel(
    monkeypatch: pytest.MonkeyPatch, http: ClientSession
) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(writer, b"x" * 65_536):
            pass
    with os.fdopen(reader), os.fdopen(writer, "w") as pipe:
        monkeypatch.setattr("sys.stdout", pipe)
        with pytest.raises(SendError) as caught:
            await Terminal(type="terminal", timeout="200ms").send(make_message(), http)
        monkeypatch.undo()
    assert (caught.value.reason, caught.value.permanent) == ("timeout", False)


async def test_a_closed_output_is_said(
    monkeypatch: pytest.MonkeyPatch, http: ClientSession
) -> None:
    gone = io.StringIO()
    gone.close()
    monkeypatch.setattr("sys.stdout", gone)
    with pytest.raises(SendError) as caught:
        await Terminal(type="terminal").send(make_message(), http)
    assert caught.value.reason == "unreachable"
