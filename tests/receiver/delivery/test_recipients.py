"""A message to several people, of whom a mail server takes some now and some later."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from receiver.channels.email import Email
from receiver.delivery import retry, sending
from receiver.store.schema import attempts, deliveries, gates
from receiver.store.store import Store
from tests.fakes.certs import Certificates
from tests.fakes.smtp import FakeSmtp
from tests.receiver.delivery.kit import all_settled, owe, rows, settled
from tests.receiver.webhooks import alert

GREY, OKAY = "grey@example.com", "okay@example.com"
LATER = "451 4.7.1 greylisted"


@pytest.fixture
def mail(certificates: Certificates, smtp: FakeSmtp) -> Callable[[], Email]:
    smtp.refuse[GREY] = LATER

    def make() -> Email:
        section = {"type": "email", "smtp": smtp.url, "to": [GREY, OKAY], "from": "t@example.com"}
        return Email.model_validate(section | {"ca_file": str(certificates.authority)})

    return make


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 -- the other side tells no event
        await asyncio.sleep(0.01)


def to(smtp: FakeSmtp, person: str) -> list[str]:
    """Return the subjects of what somebody got."""
    return [str(m.message["Subject"]) for m in smtp.mails if person in m.recipients]


async def test_one_who_is_put_off_keeps_no_mail_from_the_others_and_gets_each_later(
    store: Store,
    work: Callable[..., Any],
    mail: Callable[[], Email],
    smtp: FakeSmtp,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retry, "_FIRST_WAIT", 0.01)
    groups = 6  # twice as many as failures open a breaker
    async with work(ops=mail()) as made:
        for number in range(groups):
            await owe(store, "ops", groupKey=str(number))
            made["ops"].wake()
            await until(lambda: len(to(smtp, OKAY)) == number + 1)  # noqa: B023 -- awaited here
        (gate,) = await store._reader.run(lambda c: c.execute(gates.select()).all())
        assert (gate.failures, {row.state for row in await rows(store, deliveries)}) == (
            0,
            {"owed"},
        )
        smtp.refuse.clear()
        await all_settled(store)
    assert (len(to(smtp, GREY)), len(to(smtp, OKAY))) == (groups, groups)


async def test_after_a_restart_nobody_gets_again_what_he_has(
    store: Store, work: Callable[..., Any], mail: Callable[[], Email], smtp: FakeSmtp
) -> None:
    await owe(store, "ops")
    async with work(ops=mail()):
        await settled(store, attempts, "later")
    smtp.refuse.clear()
    await store.hurry("ops", store.now())
    async with work(ops=mail()):
        await settled(store, deliveries, "sent")
    assert [m.recipients for m in smtp.mails] == [(OKAY,), (GREY,)]


async def test_news_of_an_incident_does_not_wait_for_who_is_put_off(
    store: Store, work: Callable[..., Any], mail: Callable[[], Email], smtp: FakeSmtp
) -> None:
    await owe(store, "ops")
    async with work(ops=mail()) as made:
        await settled(store, attempts, "later")
        smtp.refuse.clear()
        await owe(store, "ops", alerts=[alert(status="resolved")])
        made["ops"].wake()
        await all_settled(store)
    assert len(to(smtp, OKAY)) == 2
    assert len(to(smtp, GREY)) == 1
    assert to(smtp, GREY)[0] == to(smtp, OKAY)[1]
    assert "Resolved" in to(smtp, GREY)[0]


async def test_one_who_is_put_off_for_too_long_is_given_up_and_named(
    store: Store,
    work: Callable[..., Any],
    mail: Callable[[], Email],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retry, "_FIRST_WAIT", 0.01)
    monkeypatch.setattr(sending, "_PARTLY", timedelta(seconds=0.2))
    await owe(store, "ops")
    async with work(ops=mail()):
        row = await settled(store, deliveries, "sent")
    tries = await rows(store, attempts)
    assert row.reason == "partly_refused"
    assert len(tries) > 1
    assert tries[-1].detail == f"1 of 2 recipients refused: {GREY}: {LATER}"
