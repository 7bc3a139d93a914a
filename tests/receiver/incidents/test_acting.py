"""What is done stands, whether or not it can be told."""

from typing import NoReturn

from aiohttp import ClientSession

from receiver import metrics
from receiver.incidents.acting import Acting, Actor, Wish
from receiver.incidents.people import Person, Role
from receiver.store.records import Decision
from receiver.store.schema import StoreUnavailableError
from receiver.store.store import Store
from tests.receiver.webhooks import webhook


async def no_room(*_: object) -> NoReturn:
    raise StoreUnavailableError("the disk is full")


async def test_an_act_that_cannot_be_told_is_done_all_the_same_and_counted(store: Store) -> None:
    await store.accept(webhook(), lambda _: Decision(("ops",)))
    numbers = metrics.create("0", ["ops"])
    ada = Actor("ada", Person(name="Ada", roles=(Role.OPERATE,)))
    async with ClientSession() as http:
        acting = Acting(store, http, numbers, no_room, None)
        result = await acting.act(ada, 1, Wish("acknowledge"))
    handled = await store.handling.handled(1, store.now())
    assert (result.outcome, handled and handled.taken) == ("done", result.act)
    counted = numbers.registry.get_sample_value
    for outcome in ("done", "untold"):
        labels = {"verb": "acknowledge", "outcome": outcome}
        assert counted("tocsin_acts_total", labels) == 1
