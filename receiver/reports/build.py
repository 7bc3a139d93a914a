"""A report from what is known of a period (pure)."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from receiver.reports.due import Period
from receiver.reports.facts import Facts, Missing, Noise, Open, Ranked, Report
from receiver.reports.performance import measure
from receiver.severity import SEVERITIES
from receiver.store.review import Past

_MOST = 10
_BRIEF = timedelta(minutes=5)
"""What was over sooner hardly needed anybody."""
_FLAPPING, _WITHIN = 3, timedelta(hours=1)
"""A rule flaps that began so often within such a time."""


def build(facts: Facts) -> Report:
    """Say what was in the period."""
    period, known = facts.period, facts.review.incidents
    now = [p for p in known if period.begin <= p.opened < period.end]
    then = [p for p in known if period.before <= p.opened < period.begin]
    compared = not list(_unknown(facts))
    critical = _covered((p for p in known if _is_critical(p)), period)
    still = [p for p in known if _is_open_at(p, period.end)]
    performance, more = measure(facts.watched or (), period)
    return Report(
        kind=facts.kind,
        period=period,
        opened=len(now),
        opened_before=len(then) if compared else None,
        severities=_severities(now),
        severities_before=_severities(then) if compared else {},
        acknowledged=_share(now, period.end),
        mtta=_mean((p, p.acknowledged) for p in now if _before(p.acknowledged, period.end)),
        mttr=_mean((p, p.resolved) for p in now if _before(p.resolved, period.end)),
        mtbf=_between(now),
        critical=critical,
        availability=1 - critical / (period.end - period.begin).total_seconds(),
        by_count=_first(Ranked(t, len(ps), len(ps)) for t, ps in _by_title(now)),
        by_time=_first(Ranked(t, _covered(ps, period), len(ps)) for t, ps in _by_title(known)),
        noisiest=_noisiest(now),
        longest=_longest(still, period.end),
        open=len(still),
        fates=facts.review.fates,
        performance=performance,
        more=more,
        missing=[*_missing(facts)],
    )


def _missing(facts: Facts) -> Iterator[Missing]:
    """Say what cannot be said."""
    if facts.review.clipped:
        yield Missing("clipped")
    yield from _unknown(facts)
    if facts.watched is None:
        yield Missing("prometheus")
    for each in facts.watched or ():
        if each.failure or not each.traces:
            yield Missing(each.name, each.failure)


def _unknown(facts: Facts) -> Iterator[Missing]:
    """Say that the period before is not known, where it is not all kept, or not looked at."""
    oldest, began = facts.review.oldest, facts.period.before
    if oldest is None or oldest > began or facts.review.clipped:
        yield Missing("before")


def _is_critical(past: Past) -> bool:
    return past.severity in SEVERITIES and SEVERITIES[past.severity].rank == 0


def _severities(pasts: Iterable[Past]) -> dict[str, int]:
    """Count them by severity, the most urgent first."""
    counts = Counter(past.severity for past in pasts)
    order = [*SEVERITIES]
    known = sorted(counts, key=lambda s: (order.index(s) if s in order else len(order), s))
    return {name: counts[name] for name in known}


def _before(moment: datetime | None, end: datetime) -> bool:
    return moment is not None and moment < end


def _share(now: Sequence[Past], end: datetime) -> float | None:
    return sum(_before(p.acknowledged, end) for p in now) / len(now) if now else None


def _mean(spans: Iterable[tuple[Past, datetime | None]]) -> float | None:
    lasted = [_open_until(past, end).total_seconds() for past, end in spans if end]
    return sum(lasted) / len(lasted) if lasted else None


def _open_until(past: Past, end: datetime) -> timedelta:
    """Return how long it was open until then: what it rested in between does not count."""
    if not past.rests:
        return end - past.opened
    rested = (again - over for over, again in past.rests if again <= end)
    return end - past.opened - sum(rested, timedelta())


def _stretches(past: Past) -> Iterable[tuple[datetime, datetime | None]]:
    """Return from when to when it was open, each time."""
    if not past.rests:
        return ((past.opened, past.resolved),)
    begins = (past.opened, *(again for _, again in past.rests))
    ends = (*(over for over, _ in past.rests), past.resolved)
    return zip(begins, ends, strict=True)


def _is_open_at(past: Past, end: datetime) -> bool:
    return any(b < end and (e is None or e >= end) for b, e in _stretches(past))


def _by_title(pasts: Iterable[Past]) -> Iterable[tuple[str, list[Past]]]:
    by_title: defaultdict[str, list[Past]] = defaultdict(list)
    for past in pasts:
        by_title[past.title].append(past)
    return by_title.items()


def _first(every: Iterable[Ranked]) -> list[Ranked]:
    """Return those with the largest values; what has none is left out."""
    return sorted((r for r in every if r.value), key=lambda r: (-r.value, r.title))[:_MOST]


def _between(now: Iterable[Past]) -> list[Ranked]:
    """Return how long it took from one opening of a rule to its next, the shortest first."""
    found = []
    for title, pasts in _by_title(now):
        times = sorted(past.opened for past in pasts)
        if len(times) > 1:
            lasted = (times[-1] - times[0]).total_seconds()
            found.append(Ranked(title, lasted / (len(times) - 1), len(times)))
    return sorted(found, key=lambda r: (r.value, r.title))[:_MOST]


def _covered(pasts: Iterable[Past], period: Period) -> float:
    """Return the seconds of a period in which at least one of them was open."""
    spans = (
        (max(begin, period.begin), end or period.end)
        for past in pasts
        for begin, end in _stretches(past)
    )
    total, reached = timedelta(), period.begin
    for begin, end in sorted((b, min(e, period.end)) for b, e in spans):
        if end > max(begin, reached):
            total += end - max(begin, reached)
            reached = end
    return total.total_seconds()


def _noisiest(now: Iterable[Past]) -> list[Noise]:
    found = [_noise(title, pasts) for title, pasts in _by_title(now)]
    noisy = [noise for noise in found if noise.brief or noise.flaps]
    return sorted(noisy, key=lambda n: (-n.brief, -n.opened, n.title))[:_MOST]


def _noise(title: str, pasts: Sequence[Past]) -> Noise:
    brief = sum(p.resolved is not None and _open_until(p, p.resolved) < _BRIEF for p in pasts)
    times = sorted(begin for past in pasts for begin, _ in _stretches(past))
    later = times[_FLAPPING - 1 :]
    flaps = any(b - a <= _WITHIN for a, b in zip(times, later, strict=False))
    return Noise(title, len(pasts), brief, flaps)


def _longest(still: Iterable[Past], end: datetime) -> list[Open]:
    oldest = sorted(still, key=lambda past: (past.opened, past.id))[:_MOST]
    return [Open(p.id, p.title, p.severity, (end - p.opened).total_seconds()) for p in oldest]
