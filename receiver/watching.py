"""What the receiver does beside taking and sending: compares, misses, audits, tells, gives up."""

from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping

from aiohttp import ClientSession

from receiver.delivery.pace import longest_wait
from receiver.incidents.escalation.worker import Escalation
from receiver.incidents.quiet.ending import Ending
from receiver.incidents.quiet.reminding import Reminding
from receiver.intake.auditor import Auditor, Post
from receiver.intake.handover import Handover
from receiver.intake.ingest import Intake
from receiver.intake.reconcile import Reconciler
from receiver.intake.watchdog import Watch
from receiver.intake.webhook import parse
from receiver.metrics import Metrics
from receiver.reload import InForce
from receiver.reports.worker import Telling
from receiver.responding import responding
from receiver.store.again import again
from receiver.store.store import Store

_PERIOD = 60.0
"""Seconds after which what is owed to channels that are gone is looked for again: what one had in
flight at the reload is settled only later."""


def watching(
    force: InForce, store: Store, http: ClientSession, numbers: Metrics
) -> Iterator[Coroutine[None, None, None]]:
    """Yield what must run beside all else, by the configuration in force at any time."""

    def intake() -> Intake:
        return force.site.intake

    def channels() -> Mapping[str, Post]:
        return {
            name: Post(channel.destination, longest_wait(channel.rule))
            for name, channel in force.config.channels.items()
        }

    def wake(names: Iterable[str]) -> None:
        intake().wake(names)

    reconciler = Reconciler(lambda: force.config.alertmanager, intake, store, http, numbers)
    watch = Watch(lambda: force.config.watchdog, intake, store, store.now())
    escalation = _escalation(force, store, numbers, wake)
    auditor = Auditor(channels, reconciler.cares_for, store, numbers, escalation.stuck)
    ending = Ending(force.planning, store, numbers, parse, wake, lambda: intake().ears.deaf)
    yield escalation.run()
    force.site.engine = responding(force, store, http, numbers)
    yield force.site.engine.run()
    yield Telling(lambda: force.site.reporting, store, parse, wake).run()
    yield reconciler.run()
    yield ending.run()
    yield _reminding(force, store, http, numbers, wake).run()
    yield watch.run()
    yield auditor.run()
    yield Handover(lambda: force.site.duty, intake, store).run()
    yield again(force.bury, _PERIOD, "messages for channels that are gone stay owed", store.now)


def _reminding(
    force: InForce,
    store: Store,
    http: ClientSession,
    numbers: Metrics,
    wake: Callable[[Iterable[str]], None],
) -> Reminding:
    return Reminding(
        lambda: force.config.alertmanager,
        force.planning,
        store,
        http,
        numbers,
        parse,
        wake,
        lambda: force.config.channels.keys() - {*force.site.intake.ears.deaf},
    )


def _escalation(
    force: InForce, store: Store, numbers: Metrics, wake: Callable[[Iterable[str]], None]
) -> Escalation:
    return Escalation(
        lambda: force.config.escalations,
        lambda: force.site.duty,
        force.planning,
        store,
        numbers,
        parse,
        wake,
    )
