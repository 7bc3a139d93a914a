import asyncio

from aiohttp import ClientSession
from pydantic import PrivateAttr

from receiver import metrics
from receiver.delivery import illustrating
from receiver.delivery.illustrating import Illustrating
from receiver.delivery.sending import Outlet
from receiver.messages.render import Style
from receiver.model import Language, Message, SendError
from tests.fakes.alerts import make_message
from tests.receiver.delivery.kit import SECRET, Scripted, count


class Gallery(Scripted):
    """Takes pictures as its script says, once it is let."""

    _shown: list[Message] = PrivateAttr(default_factory=list)
    _let: asyncio.Event = PrivateAttr(default_factory=asyncio.Event)

    async def illustrate(self, message: Message, http: ClientSession) -> None:  # noqa: ARG002 -- the contract's
        await self._let.wait()
        if self._script:
            raise self._script.pop(0)
        self._shown.append(message)


PICTURED = make_message(place="here", picture=b"png")


async def test_what_stands_somewhere_gets_its_picture_beside_the_worker(
    http: ClientSession,
) -> None:
    channel, numbers = Gallery(), metrics.create("0", [])
    outlet = Outlet("ops", channel, Style("text", Language.EN, "UTC"))
    adding = Illustrating(outlet, http, numbers)
    adding.begin(make_message(place="here"))
    adding.begin(make_message(picture=b"png"))
    for _ in range(illustrating._MOST + 1):
        adding.begin(PICTURED)
    channel._let.set()
    await asyncio.wait(adding._tasks)
    name = "tocsin_background_total"
    assert channel._shown == [PICTURED] * illustrating._MOST
    assert count(numbers, name, part="upload", outcome="found") == illustrating._MOST
    assert count(numbers, name, part="upload", outcome="late") == 1


async def test_a_picture_that_fails_is_counted_and_tells_no_secret(http: ClientSession) -> None:
    channel, numbers = Gallery(), metrics.create("0", [])
    channel._script += [SendError("auth", f"no {SECRET}"), ZeroDivisionError()]
    channel._let.set()
    adding = Illustrating(Outlet("ops", channel, Style("text", Language.EN, "UTC")), http, numbers)
    for _ in range(2):
        adding.begin(PICTURED)
    await asyncio.wait(adding._tasks)
    assert count(numbers, "tocsin_background_total", part="upload", outcome="failed") == 2
