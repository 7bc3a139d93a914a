"""How channels fared since a time is counted, with what last went wrong, on both databases."""

from dataclasses import replace
from datetime import timedelta

from receiver.store.faring import Fared, Trouble
from receiver.store.records import Decision, Known, Outcome
from receiver.store.store import Store
from tests.fakes.alerts import make_message
from tests.receiver.claiming import claim, settle
from tests.receiver.webhooks import START, alert, webhook

HOUR = timedelta(hours=1)


def owed(_: Known) -> Decision:
    return Decision(("ops",))


async def fare(store: Store, hour: int, outcome: Outcome) -> None:
    """Accept a message after some hours, and have an attempt at it end at once."""
    at = START + hour * HOUR
    told = webhook([alert(f"host-{hour}")], groupKey=str(hour))
    await store.accept(replace(told, received_at=at), owed)
    delivery = await claim(store, "ops", at, at + timedelta(seconds=1))
    assert delivery is not None
    await settle(store, delivery, outcome, at)


async def test_only_what_was_accepted_since_then_counts(store: Store) -> None:
    assert await store.faring.since(START) == {}
    sent = Outcome("sent", message=make_message("x"))
    for hour in range(7):
        await fare(store, hour, Outcome("dead", "gone", f"at {hour}") if hour % 3 == 0 else sent)
    last = Trouble(START + 6 * HOUR, "gone", "at 6")
    for hour in range(8):
        dead = len([each for each in range(hour, 7) if each % 3 == 0])
        found = await store.faring.since(START + hour * HOUR)
        whole = {"ops": Fared(7 - hour - dead, dead, last)}
        assert found == (whole if hour < 7 else {})
