import pytest
from pydantic import ValidationError

from receiver.incidents.quiet.keeping import Flapping
from receiver.messages.library import BUILT_IN
from receiver.messages.render import Style
from receiver.messages.samples import ACTS, NOW
from receiver.messages.writing import write
from receiver.model import Language
from receiver.store.store import Store
from tests.receiver.incidents.quiet.kit import House, names, suppressed, told, window

FLAPPING = Flapping()  # five times in an hour, until it is calm for a quarter


@pytest.fixture
def house(store: Store) -> House:
    return House(store, flapping=FLAPPING)


async def flap(house: House, *minutes: int) -> list[str]:
    """Let an alert begin in each of these minutes, and end in the one after."""
    said = []
    for minute in minutes:
        said += [await house.flap(minute), await house.flap(minute + 1, "resolved")]
    return said


async def test_what_begins_too_often_is_told_as_flapping_once_and_then_no_longer(
    house: House, store: Store
) -> None:
    assert await flap(house, 0, 10, 20, 30) == [""] * 8
    assert len(await told(store)) == 8
    assert await flap(house, 40) == ["flapping"] * 2
    await house.tick(41)
    (said,) = await told(store)
    assert said.act is not None
    assert (said.act.verb, said.act.who) == ("flapping", "Down")
    assert names(said) == ["a resolved"]
    assert await flap(house, 45, 50, 55) == ["flapping"] * 6
    for minute in (46, 51, 56):
        await house.tick(minute)
    await House(store, flapping=FLAPPING).tick(57)  # a restart, or another receiver
    assert await told(store) == []
    found = [each for each in await suppressed(store) if each[0] == "ops"]
    assert {reason for _, reason, _ in found} == {"flapping"}
    assert len(found) == 8


async def test_once_it_is_calm_how_often_it_began_and_how_it_stands_is_told(
    house: House, store: Store
) -> None:
    await flap(house, 0, 10, 20, 30, 40, 45)
    await house.flap(50)
    await house.tick(51)
    await told(store)
    await house.tick(64)
    assert await told(store) == []
    await house.tick(65)
    (said,) = await told(store)
    assert said.act is not None
    assert (said.act.verb, said.act.detail) == ("calm", "3")
    assert names(said) == ["a firing"]
    await house.tick(66)
    assert await told(store) == []
    assert await house.flap(51, "resolved") == ""  # whose beginning was told by now
    assert [names(each) for each in await told(store)] == [["a resolved"]]


async def test_what_begins_often_but_not_within_the_time_does_not_flap(house: House) -> None:
    assert await flap(house, *range(0, 300, 16)) == [""] * 38


async def test_it_can_be_switched_off(store: Store) -> None:
    assert await flap(House(store), *range(0, 60, 5)) == [""] * 24


async def test_switched_off_at_a_reload_it_is_calm_at_once(house: House, store: Store) -> None:
    await flap(house, 0, 10, 20, 30, 40)
    await told(store)
    house.flapping = None
    await house.tick(42)
    (said,) = await told(store)
    assert said.act is not None
    assert said.act.verb == "calm"


async def test_the_others_of_its_group_are_told_as_ever(house: House, store: Store) -> None:
    await flap(house, 0, 10, 20, 30, 40)
    await told(store)
    assert await house.flap(45, name="b") == ""
    assert [names(each) for each in await told(store)] == [["b firing"]]


async def test_a_pager_hears_what_fires_when_it_is_calm_and_of_no_flapping(
    house: House, store: Store
) -> None:
    house.deaf = frozenset({"ops"})
    await flap(house, 0, 10, 20, 30, 40)
    await house.flap(45)
    await told(store)
    await house.tick(46)
    assert await told(store) == []
    assert len(await told(store, "mail")) == 9
    await house.tick(60)
    (said,) = await told(store)
    assert (names(said), said.act) == (["a firing"], None)


async def test_a_window_comes_first(house: House, store: Store) -> None:
    await flap(house, 0, 10, 20, 30)
    await told(store)
    house.windows = [window(50)]
    assert await house.flap(40) == "maintenance"
    await house.tick(50)
    (said,) = await told(store)
    assert said.act is not None
    assert said.act.verb == "maintenance-over"


async def test_who_is_told_nothing_now_hears_of_what_fires_later(
    house: House, store: Store
) -> None:
    await flap(house, 0, 10, 20, 30, 40)
    await house.flap(45)
    await told(store)
    house.windows = [window(120)]
    await house.tick(60)
    assert await told(store) == []
    await house.tick(120)
    (said,) = await told(store)
    assert names(said) == ["a firing"]


@pytest.mark.parametrize("times", [3, 21])
def test_how_often_is_bounded(times: int) -> None:
    with pytest.raises(ValidationError):
        Flapping(times=times)


@pytest.mark.parametrize(
    ("language", "flaps", "calm"),
    [
        (Language.EN, "*SlowAnswers* flaps:", "it began 9 times since"),
        (Language.ZH, "*SlowAnswers* 反复触发和恢复", "共触发 9 次"),
    ],
)
def test_it_is_told_in_both_languages(language: Language, flaps: str, calm: str) -> None:
    style = Style("slack", language, "UTC")
    for sample, words in (("flapping", flaps), ("calm", calm)):
        assert words in write([ACTS[sample]], style, BUILT_IN, NOW).message.body
