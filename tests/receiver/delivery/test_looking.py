import asyncio
from datetime import timedelta
from time import monotonic
from unittest.mock import Mock

from receiver.delivery.looking import PATIENCE, Looking
from receiver.delivery.merge import Telling
from receiver.messages.render import Style
from receiver.model import UNKNOWN, Background, Language, Notification, Unusual
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


async def test_a_digest_waits_for_nothing_but_a_mail_of_few_for_its_pictures() -> None:
    asked: list[str] = []
    together = asyncio.Barrier(3)

    async def look(about: Notification, _: float, __: Style | None) -> Background:
        asked.append(about.severity.name)
        if about is not TELLING.notification:
            async with asyncio.timeout(30):
                await together.wait()
        return Background(picture=about.severity.name.encode(), unusual=(Unusual("load", 1.0),))

    each = ("info", "critical", "warning", "low", "high")
    many = [Telling((Mock(),), make_notification([make_alert(severity=s)])) for s in each]
    over = make_alert(severity="critical", resolved_after=timedelta(minutes=1))
    many.append(Telling((Mock(),), make_notification([over])))
    chat = Looking(look, Style("dingtalk", Language.EN, "UTC"))
    assert await chat.at(many) == [UNKNOWN] * 6
    mail = Looking(look, Style("email", Language.EN, "UTC"))
    assert await mail.at(many * 2) == [UNKNOWN] * 12  # of so many there is no picture of each
    assert not asked
    found = await mail.at(many)
    assert [known.picture for known in found] == [
        None,
        b"critical",
        b"warning",
        None,
        b"high",
        None,
    ]
    assert asked == ["critical", "high", "warning"]
    assert (await chat.at([TELLING]))[0].unusual


async def test_pictures_of_a_digest_share_the_patience_with_what_waits_after_it() -> None:
    waited: list[float] = []

    async def look(_: Notification, seconds: float, __: Style | None) -> Background:
        waited.append(seconds)
        await asyncio.sleep(0.05)
        return UNKNOWN

    mail = Looking(look, Style("email", Language.EN, "UTC"))
    await mail.at([TELLING] * 4)
    await mail.at([TELLING] * 4)
    assert waited[:3] == [PATIENCE] * 3
    assert all(seconds <= PATIENCE - 0.05 for seconds in waited[3:])
