from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import orjson
import pytest
from aiohttp import ClientSession
from pydantic import SecretStr

from receiver import metrics
from receiver.intake.ingest import Intake
from receiver.intake.reconcile import Reconciler, compare
from receiver.intake.webhook import MAX_LABELS
from receiver.messages.route import Route
from receiver.store.standings import Open, Standing
from receiver.store.store import Store
from receiver.upstream.alertmanager import Alertmanager, Seen, Sight
from receiver.upstream.asking import AskError
from tests.fakes.alertmanager import FakeAlertmanager
from tests.receiver.webhooks import START, alert, body

PATIENCE = timedelta(minutes=15)
MINUTE = timedelta(minutes=1)
RECEIVERS = frozenset({"tocsin"})
ACTIVE = Seen("active", (), RECEIVERS)


def sight(up_since: datetime = START, **alerts: Seen) -> Sight:
    return Sight(alerts, RECEIVERS, up_since)


def known(standing: Standing | None = None, heard: datetime = START) -> Open:
    return Open("group", "aa", START, 7, "tocsin", "{}:{}", heard, standing)


def test_what_alertmanager_keeps_quiet_is_noted_with_who_does_so_and_since_when() -> None:
    silenced = Seen("silenced", ("6c9e", "7d1f"), RECEIVERS)
    found = compare([known()], [sight(aa=silenced)], START + MINUTE, PATIENCE)
    standing = Standing("silenced", START + MINUTE, "6c9e,7d1f")
    assert found.changes == {("group", "aa"): standing}
    assert found.count == {"silenced": 1}
    again = compare([known(standing)], [sight(aa=silenced)], START + 2 * MINUTE, PATIENCE)
    assert not again.changes
    back = compare([known(standing)], [sight(aa=ACTIVE)], START + 3 * MINUTE, PATIENCE)
    assert back.changes == {("group", "aa"): None}


def test_an_alert_that_is_missing_for_long_is_over_and_one_that_is_not_yet_is_not() -> None:
    missing = Standing("missing", START + MINUTE)
    at = partial(compare, [known(missing)], [sight()], patience=PATIENCE)
    assert at(now=START + MINUTE + PATIENCE).over == []
    assert at(now=START + 2 * MINUTE + PATIENCE).over == [known(missing)]


def test_an_alertmanager_that_has_just_started_ends_nothing() -> None:
    missing = Standing("missing", START)
    now = START + timedelta(hours=2)
    assert not compare([known(missing)], [sight(up_since=now - MINUTE)], now, PATIENCE).over
    both = [sight(), sight(up_since=now - MINUTE)]
    assert not compare([known(missing)], both, now, PATIENCE).over


def test_an_alert_that_one_of_several_still_knows_is_not_missing() -> None:
    found = compare([known()], [sight(), sight(aa=ACTIVE)], START + MINUTE, PATIENCE)
    assert found.count == {"active": 1}


def test_a_webhook_that_speaks_of_the_incident_begins_the_waiting_anew() -> None:
    missing, heard = Standing("missing", START), START + 10 * MINUTE
    found = compare([known(missing, heard)], [sight()], START + 16 * MINUTE, PATIENCE)
    assert found.over == []
    assert found.changes == {("group", "aa"): Standing("missing", heard)}


def test_what_came_from_elsewhere_is_left_alone() -> None:
    another = Sight({}, frozenset({"other"}), START)
    found = compare([known()], [another], START + timedelta(days=9), PATIENCE)
    assert (found.count, found.incidents) == ({}, frozenset())


def test_an_alert_that_goes_to_another_receiver_now_is_missing_at_ours() -> None:
    rerouted = Seen("active", (), frozenset({"other"}))
    assert compare([known()], [sight(aa=rerouted)], START, PATIENCE).count == {"missing": 1}


@pytest.fixture
def numbers() -> metrics.Metrics:
    return metrics.create("1", ["ops"])


@pytest.fixture
def intake(store: Store, numbers: metrics.Metrics) -> Intake:
    return Intake(store, (Route(channels=("ops",)),), numbers, lambda _: None)


@pytest.fixture
def reconciler(
    store: Store, intake: Intake, numbers: metrics.Metrics, http: ClientSession
) -> Reconciler:
    return Reconciler(lambda: None, lambda: intake, store, http, numbers)


def told(server: FakeAlertmanager, **settings: object) -> Alertmanager:
    return Alertmanager.model_validate({"url": server.base, **settings})


async def states(store: Store) -> list[str]:
    return sorted(
        each.standing.state if each.standing else "active" for each in await store.open_episodes()
    )


@pytest.fixture
def later(reconciler: Reconciler, alertmanager: FakeAlertmanager) -> Callable[[float], object]:
    """Compare some minutes after the start."""
    return lambda minutes: reconciler.once(told(alertmanager), START + minutes * MINUTE)


async def test_a_resolved_that_was_lost_is_told_once_and_closes_the_incident(
    store: Store,
    intake: Intake,
    reconciler: Reconciler,
    alertmanager: FakeAlertmanager,
    numbers: metrics.Metrics,
) -> None:
    await intake.accept(body([alert("aa"), alert("bb")]), START)
    alertmanager.knows("bb")
    for minute in (1, 10, 17, 18):
        await reconciler.once(told(alertmanager), START + minute * MINUTE)
    assert [each.fingerprint for each in await store.open_episodes()] == ["bb"]
    del alertmanager.alerts["bb"]
    for minute in (19, 35, 36):
        await reconciler.once(told(alertmanager), START + minute * MINUTE)
    assert await store.open_incidents() == 0
    newest = orjson.loads((await store.told_of(1))[0])
    (ended,) = newest["alerts"]
    assert (ended["fingerprint"], ended["status"]) == ("bb", "resolved")
    assert ended["labels"]["alertname"] == "Down"
    assert "never told" in ended["annotations"]["description"]
    assert (await store.queues())[0].owed == 3  # firing, and each end by itself
    assert [entry.change.action for entry in await store.changes()] == ["resolve", "resolve"]
    assert numbers.registry.get_sample_value("tocsin_resolves_lost_total") == 2


async def test_more_alerts_than_a_webhook_may_have_are_over_in_several(
    store: Store,
    intake: Intake,
    reconciler: Reconciler,
    alertmanager: FakeAlertmanager,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("receiver.intake.webhook.MAX_ALERTS", 3)
    monkeypatch.setattr("receiver.intake.reconcile._TOGETHER", 3)
    most = {"annotations": {f"a{number}": "" for number in range(MAX_LABELS)}}
    for part in range(3):
        said = [alert(f"{part}-{number}") for number in range(3)]
        await intake.accept(body([said[0] | most, *said[1:]]), START)
    for minute in (1, 17):
        await reconciler.once(told(alertmanager), START + minute * MINUTE)
    assert await store.open_incidents() == 0


async def test_the_real_resolved_that_comes_after_all_tells_nobody_twice(
    store: Store, intake: Intake, reconciler: Reconciler, alertmanager: FakeAlertmanager
) -> None:
    await intake.accept(body([alert("aa")]), START)
    for minute in (1, 17):
        await reconciler.once(told(alertmanager), START + minute * MINUTE)
    assert await store.open_incidents() == 0
    late = await intake.accept(body([alert("aa", "resolved")]), START + 30 * MINUTE)
    assert late.reason == "stale"


async def test_an_alert_that_was_believed_to_be_over_and_fires_still_is_told_again(
    store: Store, intake: Intake, reconciler: Reconciler, alertmanager: FakeAlertmanager
) -> None:
    await intake.accept(body([alert("aa")]), START)
    for minute in (1, 17):
        await reconciler.once(told(alertmanager), START + minute * MINUTE)
    again = await intake.accept(body([alert("aa")]), START + 30 * MINUTE)
    assert again.reason == ""
    assert await store.open_incidents() == 1
    over = await intake.accept(body([alert("aa", "resolved")]), START + 40 * MINUTE)
    assert over.reason == ""
    assert await store.open_incidents() == 0


async def test_an_alertmanager_that_is_away_changes_nothing_and_is_named(
    store: Store, intake: Intake, reconciler: Reconciler, alertmanager: FakeAlertmanager
) -> None:
    await intake.accept(body([alert("aa")]), START)
    for trouble, reason in (
        (503, "refused"),
        ("html", "unexpected"),
        ("redirects", "refused"),
        ("closes", "unreachable"),
    ):
        alertmanager.next.append(trouble)  # type: ignore[arg-type]  # an Ugly
        with pytest.raises(AskError) as caught:
            await reconciler.once(told(alertmanager), START + 60 * MINUTE)
        assert caught.value.reason == reason
    assert await states(store) == ["active"]


async def test_silenced_and_inhibited_alerts_are_counted_and_kept(
    store: Store,
    intake: Intake,
    reconciler: Reconciler,
    alertmanager: FakeAlertmanager,
    numbers: metrics.Metrics,
) -> None:
    await intake.accept(body([alert("aa"), alert("bb"), alert("cc")]), START)
    alertmanager.knows("aa", silencedBy=["6c9e"])
    alertmanager.knows("bb", inhibitedBy=["77aa"])
    alertmanager.knows("cc")
    await reconciler.once(told(alertmanager), START + MINUTE)
    assert await states(store) == ["active", "inhibited", "silenced"]
    value = numbers.registry.get_sample_value
    assert value("tocsin_open_alerts", {"state": "silenced"}) == 1
    assert value("tocsin_open_alerts", {"state": "missing"}) == 0


async def test_alertmanager_is_shown_who_asks(
    reconciler: Reconciler, alertmanager: FakeAlertmanager
) -> None:
    token = told(alertmanager).model_copy(update={"token": SecretStr("t0ken")})
    await reconciler.once(token, datetime.now(UTC))
    basic = told(alertmanager).model_copy(update={"user": "me", "password": SecretStr("pass")})
    await reconciler.once(basic, datetime.now(UTC))
    assert set(alertmanager.authorized) == {"Bearer t0ken", "Basic bWU6cGFzcw=="}


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "ftp://alertmanager", []])
def test_an_address_that_nobody_should_ask_is_refused(url: object) -> None:
    with pytest.raises(ValueError, match="url"):
        Alertmanager.model_validate({"url": url})
