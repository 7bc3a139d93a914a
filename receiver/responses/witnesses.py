"""What actions work with and checks ask, by the configuration in force."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import ClientSession

from receiver.model import Labels
from receiver.responses.actions import Tools
from receiver.responses.checks import NoEvidenceError, Witness
from receiver.store.run_records import Run, Since
from receiver.store.runs import Runs
from receiver.upstream.alertmanager import Alertmanager
from receiver.upstream.asking import AskError
from receiver.upstream.prometheus import Prometheus, ask_now, ask_rules
from receiver.upstream.silences import Silence, silence

_LATELY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Witnesses:
    """`prometheus` and `alertmanager` are those in force, if there are any."""

    http: ClientSession
    runs: Runs
    prometheus: Callable[[], Prometheus | None]
    alertmanager: Callable[[], Alertmanager | None]
    now: Callable[[], datetime]

    async def of(self, run: Run) -> Witness:
        """Return whom the checks of a run ask."""
        since = self.now() - _LATELY
        past = await self.runs.past(run, Since(since, since))
        asked = self.prometheus() is not None
        return Witness(
            self.http,
            run.wanted.labels,
            past.fires,
            self.query if asked else None,
            self._rules if asked else None,
        )

    async def tools(self, run: Run) -> Tools:
        """Return what the steps of a run work with."""
        silences = self.alertmanager() is not None
        return Tools(self.http, run.wanted.labels, self._silence if silences else None)

    async def query(self, query: str) -> list[tuple[Labels, float]]:
        """Evaluate PromQL now; raises NoEvidenceError."""
        told = self.prometheus()
        if told is None:
            raise NoEvidenceError("no prometheus is configured")
        try:
            found = await ask_now(self.http, told, query, self.now())
        except AskError as error:
            raise NoEvidenceError(str(error)) from error
        return [(point.labels, point.value) for point in found]

    async def _rules(self) -> Mapping[str, tuple[str, ...]]:
        told = self.prometheus()
        if told is None:
            raise NoEvidenceError("no prometheus is configured")
        try:
            rules = await ask_rules(self.http, told)
        except AskError as error:
            raise NoEvidenceError(str(error)) from error
        return {name: tuple(rule.query for rule in each) for name, each in rules.items()}

    async def _silence(self, labels: Labels, lasting: timedelta, why: str) -> str:
        told, now = self.alertmanager(), self.now()
        if told is None:
            raise AskError("unreachable", "no alertmanager is configured")
        wanted = Silence(labels, now, now + lasting, "tocsin", why)
        return (await silence(self.http, told, wanted)).id
