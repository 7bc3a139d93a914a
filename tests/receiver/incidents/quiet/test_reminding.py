import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession

from receiver.incidents.quiet.reminding import Reminding, ending, reminders
from receiver.intake.webhook import parse
from receiver.messages.library import BUILT_IN
from receiver.messages.render import Style
from receiver.messages.writing import write
from receiver.model import Alert, Language, Status
from receiver.store.store import Store
from receiver.upstream.alertmanager import Alertmanager
from receiver.upstream.asking import AskError
from receiver.upstream.silences import Hidden, Silence
from tests.receiver.incidents.quiet.kit import House, told, window
from tests.receiver.webhooks import START

MINUTE = timedelta(minutes=1)
NOW = datetime.now(UTC).replace(microsecond=0)


def silence(name: str, ends: float, lasts: float = 60) -> Silence:
    end = START + ends * MINUTE
    return Silence({"service": "db"}, end - lasts * MINUTE, end, "Ada", "disk", name)


def hidden(print_: str, *by: str) -> Hidden:
    alert = Alert(print_, Status.FIRING, {"alertname": print_}, {}, START, None)
    return Hidden(alert, frozenset(by), frozenset({"tocsin"}))


@pytest.mark.parametrize(
    ("ends", "lasts", "due"),
    [(15, 60, True), (1, 60, True), (16, 60, False), (0, 60, False), (10, 15, False)],
    ids=["in time", "late", "early", "over", "shorter than the reminder comes early"],
)
def test_somebody_is_reminded_of_a_silence_before_its_end(
    ends: float, lasts: float, *, due: bool
) -> None:
    assert bool(ending([silence("s", ends, lasts)], START, 15 * MINUTE)) is due


@pytest.mark.parametrize(
    ("found", "told_of"),
    [
        ([hidden("a", "s"), hidden("b", "s", "other")], ["a", "b"]),
        ([hidden("a", "s", "longer"), hidden("b", "s")], ["b"]),
        ([hidden("a", "longer")], []),
        ([], []),
    ],
    ids=["all of it", "another hides it for longer", "another's", "nothing"],
)
def test_a_reminder_says_what_will_be_loud(found: Sequence[Hidden], told_of: list[str]) -> None:
    every = [silence("s", 10), silence("other", 5), silence("longer", 40)]
    made = list(reminders(every[:1], every, found))
    assert [a.fingerprint for each in made for a in each.alerts] == told_of


@pytest.fixture
async def ready(http: ClientSession, alertmanager: str) -> str:
    async with asyncio.timeout(30):
        while True:
            try:
                async with http.get(f"{alertmanager}/-/ready") as answer:
                    if answer.status == 200:
                        return alertmanager
            except (ClientError, OSError):
                pass
            await asyncio.sleep(0.1)


async def post(http: ClientSession, url: str, what: str, said: Any) -> Any:
    async with http.post(f"{url}/api/v2/{what}", json=said) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json() if what == "silences" else None


async def quiet_db(http: ClientSession, url: str, minutes: int, **changes: Any) -> str:
    """Let a database and its copy fire, and silence them for a while from now."""
    alerts = [{"labels": {"alertname": "Down", "service": "db", "instance": i}} for i in "ab"]
    ends = (NOW + timedelta(hours=5)).isoformat()
    await post(http, url, "alerts", [{**alert, "endsAt": ends} for alert in alerts])
    said = {
        "matchers": [{"name": "service", "value": "db", "isRegex": False, "isEqual": True}],
        "startsAt": (NOW + timedelta(seconds=1)).isoformat(),
        "endsAt": (NOW + minutes * MINUTE).isoformat(),
        "createdBy": "Ada",
        "comment": "until the disk is there",
    }
    return str((await post(http, url, "silences", said | changes))["silenceID"])


async def until_hidden(http: ClientSession, url: str, count: int = 2) -> None:
    async with asyncio.timeout(20):
        while True:
            async with http.get(f"{url}/api/v2/alerts?active=false") as answer:
                if len(await answer.json()) == count:
                    return
            await asyncio.sleep(0.1)


def reminding(house: House, http: ClientSession) -> Reminding:
    return Reminding(
        lambda: None,
        house.planning,
        house.store,
        http,
        house.numbers,
        parse,
        house.woken.extend,
        lambda: {"ops", "mail"} - house.deaf,
    )


async def test_alertmanager_s_silence_is_told_of_once_before_each_of_its_ends(
    http: ClientSession, ready: str, store: Store
) -> None:
    house = House(store, deaf=frozenset({"mail"}))
    it, am = reminding(house, http), Alertmanager.model_validate({"url": ready})
    number = await quiet_db(http, ready, 60)
    await until_hidden(http, ready)
    await it.once(am, NOW + 44 * MINUTE)
    assert await told(store) == []
    for minute in (46, 47):
        await it.once(am, NOW + minute * MINUTE)
        await reminding(house, http).once(am, NOW + minute * MINUTE)  # after a restart
    (said,) = await told(store)
    assert sorted(alert.labels["instance"] for alert in said.alerts) == ["a", "b"]
    assert said.act is not None
    assert (said.act.verb, said.act.who) == ("silence-ends", "Ada")
    assert said.external_url == f"{ready}/#/silences/{number}"
    assert await told(store, "mail") == []
    for language, words in (
        (Language.EN, "The silence by *Ada* ends"),
        (Language.ZH, "设置的静默将于"),
    ):
        style = Style("slack", language, "UTC", "https://tocsin.example.com")
        message = write([said], style, BUILT_IN, NOW).message
        assert words in message.body
        assert "until the disk is there" in message.body
        assert said.external_url in [url for _, url in message.links]
        assert message.buttons == ()
    later = (NOW + 80 * MINUTE).isoformat()
    await quiet_db(http, ready, 80, id=number, endsAt=later)  # made longer: another end
    await it.once(am, NOW + 48 * MINUTE)
    assert await told(store) == []
    await it.once(am, NOW + 70 * MINUTE)
    assert len(await told(store)) == 1
    await quiet_db(http, ready, 90, id=number, endsAt=(NOW + 90 * MINUTE).isoformat())
    house.windows = [window(start=NOW, duration="5h")]
    await it.once(am, NOW + 80 * MINUTE)
    assert await told(store) == []  # it is quiet here too
    house.windows = []
    await it.once(am, NOW + 81 * MINUTE)
    assert len(await told(store)) == 1


async def test_where_no_alertmanager_answers_that_is_an_error(
    http: ClientSession, store: Store
) -> None:
    it = reminding(House(store), http)
    with pytest.raises(AskError):
        await it.once(Alertmanager.model_validate({"url": ["http://127.0.0.1:9"]}), NOW)
