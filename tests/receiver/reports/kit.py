"""A week with incidents, to make reports of."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from receiver.reports.due import Period
from receiver.reports.facts import Facts, Trace, Watched
from receiver.store.review import Fate, Past, Review

WEEK = timedelta(weeks=1)
BEGIN = datetime(2026, 11, 23, 9, tzinfo=UTC)
PERIOD = Period(BEGIN - WEEK, BEGIN, BEGIN + WEEK)


def past(
    number: int,
    title: str,
    opened: float,
    lasted: float | None,
    severity: str = "warning",
    taken: float | None = None,
    rests: Iterable[tuple[float, float]] = (),
) -> Past:
    """An incident that opened so many hours after BEGIN, for minutes; taken after minutes.

    It was over from a minute to another in each of its rests.
    """
    at = BEGIN + timedelta(hours=opened)
    over, had = (None if m is None else at + timedelta(minutes=m) for m in (lasted, taken))
    between = tuple((at + timedelta(minutes=b), at + timedelta(minutes=e)) for b, e in rests)
    return Past(number, title, severity, at, over, had, between)


PASTS = (
    past(9, "Link", 30.6, 4),
    past(8, "Link", 30.3, 2),
    past(7, "Link", 30, 3),
    past(6, "Disk", 100, None, "critical", taken=40),
    past(5, "Api", 20.5, 60, "critical", taken=20),
    past(4, "Api", 20, 60, "critical"),
    past(3, "Old", -10, 10),
    past(2, "Late", -1, 120, "critical"),
    past(1, "Old", -200, None),
)
FATES = (
    Fate("mail", "dead", "refused", 1),
    Fate("mail", "sent", "", 12),
    Fate("ops", "suppressed", "maintenance", 3),
)


def facts(
    pasts: Iterable[Past] = PASTS,
    watched: tuple[Watched, ...] | None = None,
    oldest: datetime | None = BEGIN - 2 * WEEK,
) -> Facts:
    return Facts(
        "weekly", PERIOD, Review(tuple(pasts), FATES, clipped=False, oldest=oldest), watched
    )


def clipped(of: Facts) -> Facts:
    return replace(of, review=replace(of.review, clipped=True))


def trace(then: float, now: float, grows: float = 0.0, **labels: str) -> Trace:
    """A series of one value an hour: `then`, and in the period `now`, which grows by the day."""
    times = [PERIOD.before.timestamp() + 3600 * i for i in range(2 * 168 + 1)]
    begin = BEGIN.timestamp()
    values = [then if at < begin else now + grows * (at - begin) / 86_400 for at in times]
    return Trace(labels, tuple(times), tuple(values))
