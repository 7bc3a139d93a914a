"""An expression that must have a result, and the alert's own, which must have none any longer."""

from typing import Literal

from receiver.model import Labels
from receiver.responses.checks.contract import Answer, Check, NoEvidenceError, Witness


class Promql(Check):
    """`query` holds while it gives at least one series, as a comparison does that is true."""

    check: Literal["promql"]
    query: str

    @property
    def says(self) -> str:
        """The expression."""
        return self.query

    async def ask(self, witness: Witness) -> Answer:
        """Evaluate it."""
        if witness.query is None:
            return Answer(None, "no prometheus is configured")
        try:
            found = await witness.query(self.query)
        except NoEvidenceError as error:
            return Answer(None, str(error))
        if not found:
            return Answer(False, "no result")
        return Answer(True, f"{len(found)} series, the first {found[0][1]:g}")


class Cleared(Check):
    """The expression of the rule that fired gives nothing any longer that has the alert's labels.

    Where no rule of this name is known, the alert must be resolved.
    """

    check: Literal["cleared"]

    @property
    def says(self) -> str:
        """What must be so."""
        return "what fired no longer does"

    async def ask(self, witness: Witness) -> Answer:
        """Ask Prometheus for the rule, and then what it gives now."""
        if not witness.fires:
            return Answer(True, "the alert is resolved")
        if witness.query is None or witness.rules is None:
            return Answer(None, "the alert still fires, and no prometheus is configured")
        name = witness.labels.get("alertname", "")
        try:
            queries = (await witness.rules()).get(name, ())
            if not queries:
                return Answer(None, f"prometheus has no rule {name!r:.80}")
            found = [labels for query in queries for labels, _ in await witness.query(query)]
        except NoEvidenceError as error:
            return Answer(None, str(error))
        still = [labels for labels in found if _same(labels, witness.labels)]
        return Answer(not still, f"{len(still)} of {len(found)} series are the alert's")


def _same(series: Labels, alert: Labels) -> bool:
    """Whether a series is what the alert is about: rules add labels, and drop the name."""
    return all(alert.get(k) == v for k, v in series.items() if k != "__name__" and k in alert)
