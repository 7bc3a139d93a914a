"""Which signals have series that are left out, and why: the metric counts, this names them."""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from exporter.model import LeftOut

REMEDIES: Mapping[str, str] = {
    "duplicate": "series that differ in nothing are one: keep a label that tells them apart",
    "signal_limit": "raise the signal's `limit`, or choose fewer by `match` or in the expression",
    "total_limit": "raise `scoring.limit`",
    "histogram": "score a quantile or a rate of it, by histogram_quantile() for example",
    "model_limit": "raise `models.limit`, or name fewer in `models.signals`; they are scored",
    "group_limit": "there are too many groups: choose fewer in `groups.signals`; they are scored",
    "group_member_limit": "raise the group's `limit`; they are scored",
}
"""What to do about each reason; those that are not here are told, and end, by themselves."""
_NAMED = 10
_AGAIN = 3600.0
"""Seconds after which the same is told again, if it has been away that long."""

_log = logging.getLogger(__name__)


class Skipping:
    """Remembers what the latest tick left out, and says once of each signal what begins to be."""

    def __init__(self) -> None:
        self.now: LeftOut = {}
        self._seen: dict[tuple[str, str], float] = {}

    def meet(self, sources: Iterable[LeftOut], now: float) -> None:
        """Take note of what was left out at `now`, in monotonic seconds."""
        whole: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for source in sources:
            for signal, reasons in source.items():
                whole[signal].update(reasons)
        self.now = whole
        self._seen = {pair: at for pair, at in self._seen.items() if now - at < _AGAIN}
        news: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for signal, reasons in whole.items():
            for reason, count in reasons.items():
                if (signal, reason) not in self._seen:
                    news[reason][signal] = count
                self._seen[signal, reason] = now
        for reason, signals in news.items():
            _say(reason, signals)


def _say(reason: str, signals: Mapping[str, int]) -> None:
    if reason in REMEDIES:
        named = ", ".join(f"{count} of {name}" for name, count in [*signals.items()][:_NAMED])
        more = f" and of {len(signals) - _NAMED} more signals" if len(signals) > _NAMED else ""
        _log.warning("series left out (%s): %s%s; %s", reason, named, more, REMEDIES[reason])
