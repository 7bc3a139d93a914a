import asyncio
from time import monotonic
from unittest.mock import Mock

from receiver.delivery.looking import PATIENCE, Looking
from receiver.delivery.merge import Telling
from receiver.messages.render import Style
from receiver.model import UNKNOWN, Background, Notification, Unusual
from tests.fakes.alerts import make_alert, make_notification

TELLING = Telling((Mock(),), make_notification([make_alert()]))


async def test_messages_that_wait_together_share_one_patience() -> None:
    waited: list[float] = []

    async def look(_: Notification, seconds: float, __: Style | None) -> Background:
        waited.append(seconds)
        await asyncio.sleep(0.05)
        return UNKNOWN

    looking = Looking(look, None)
    began = monotonic()
    for _ in range(3):
        await looking.at([TELLING])
    assert waited[0] == PATIENCE
    assert waited[2] <= PATIENCE - 0.1
    assert waited[2] >= PATIENCE - (monotonic() - began)
    looking.rest()
    await looking.at([TELLING])
    assert waited[3] == PATIENCE


async def test_a_digest_waits_for_nothing() -> None:
    async def look(_: Notification, __: float, ___: Style | None) -> Background:
        return Background(unusual=(Unusual("load", 1.0),))

    looking = Looking(look, None)
    assert await looking.at([TELLING, TELLING]) == UNKNOWN
    assert (await looking.at([TELLING])).unusual
