"""A report in words, in either language (pure)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from zoneinfo import ZoneInfo

from receiver.messages.filters import clip, duration, plain
from receiver.messages.numbers import quantity
from receiver.messages.words import SEVERITY
from receiver.model import Labels, Language
from receiver.reports.facts import Missing, Performance, Report
from receiver.reports.phrases import PHRASES, STATES

_NAME = 120
_SHOWN = 5
_HOSTS = ("instance", "host", "nodename")


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of a report: what it is called, and its lines."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes reports in one language and time zone."""

    language: Language
    zone: ZoneInfo

    def span(self, report: Report) -> str:
        """Write what time it is about; dates alone need no language."""
        begin, end = (at.astimezone(self.zone) for at in (report.period.begin, report.period.end))
        return f"{begin:%Y-%m-%d %H:%M} \N{EN DASH} {end:%Y-%m-%d %H:%M}"

    def title(self, report: Report) -> str:
        """Write its title."""
        return self._say(report.kind)

    def summary(self, report: Report) -> tuple[str, ...]:
        """Write the main numbers, in a few lines."""
        if report.quiet:
            return (self._say("quiet"), *self._findings(report))
        return (*self._numbers(report), *self._findings(report))

    def chapters(self, report: Report) -> tuple[Chapter, ...]:
        """Write all of it; a chapter that has nothing to say is left out."""
        parts: Mapping[str, Callable[[Report], Iterator[str]]] = {
            "overview": self._overview,
            "by_count": self._by_count,
            "by_time": self._by_time,
            "mtbf": self._mtbf,
            "noisiest": self._noisiest,
            "longest": self._longest,
            "messages": self._messages,
            "findings": self._findings,
            "performance": self._performance,
            "missing": self._missing,
        }
        written = ((name, tuple(part(report))) for name, part in parts.items())
        return tuple(Chapter(self._say(name), lines) for name, lines in written if lines)

    def _say(self, phrase: str, *values: object) -> str:
        return PHRASES[self.language][phrase].format(*values)

    def _lasted(self, seconds: float | None) -> str:
        return self._say("unknown") if seconds is None else duration(seconds, self.language)

    def _percent(self, share: float | None) -> str:
        return self._say("unknown") if share is None else f"{_rounded(share * 100)} %"

    def _overview(self, report: Report) -> Iterator[str]:
        if report.quiet:
            yield self._say("quiet")
        yield from self._numbers(report)

    def _numbers(self, report: Report) -> Iterator[str]:
        before = report.opened_before
        compared = "" if before is None else self._say("against", before)
        yield self._say("opened", report.opened, compared) + self._severities(report)
        if report.opened:
            yield self._say("acknowledged", self._percent(report.acknowledged))
            yield self._say("times", self._lasted(report.mtta), self._lasted(report.mttr))
        lasted = self._lasted(report.critical)
        yield self._say("availability", _availability(report.availability), lasted)
        if report.open:
            yield self._say("still", report.open)

    def _severities(self, report: Report) -> str:
        words = SEVERITY[self.language]
        parts = []
        for name in {**report.severities, **report.severities_before}:
            count, before = report.severities.get(name, 0), report.severities_before.get(name, 0)
            compared = self._say("was", before) if report.opened_before is not None else ""
            parts.append(f"{words.get(name, name)} {count}{compared}")
        return self._say("list", self._say("comma").join(parts)) if parts else ""

    def _by_count(self, report: Report) -> Iterator[str]:
        for one in report.by_count:
            yield self._say("times_opened", _tidy(one.title), one.count)

    def _by_time(self, report: Report) -> Iterator[str]:
        for one in report.by_time:
            yield self._say("open_for", _tidy(one.title), self._lasted(one.value))

    def _mtbf(self, report: Report) -> Iterator[str]:
        for one in report.mtbf:
            yield self._say("each", _tidy(one.title), self._lasted(one.value), one.count)

    def _noisiest(self, report: Report) -> Iterator[str]:
        for one in report.noisiest:
            flaps = self._say("flaps") if one.flaps else ""
            yield self._say("brief", _tidy(one.title), one.brief, one.opened) + flaps

    def _longest(self, report: Report) -> Iterator[str]:
        words = SEVERITY[self.language]
        for one in report.longest:
            severity = words.get(one.severity, one.severity)
            yield self._say("since", one.id, _tidy(one.title), severity, self._lasted(one.seconds))

    def _messages(self, report: Report) -> Iterator[str]:
        states = STATES[self.language]
        for channel, fates in groupby(report.fates, key=lambda fate: fate.channel):
            parts = []
            for fate in fates:
                why = self._say("reason", fate.reason) if fate.reason else ""
                parts.append(f"{states.get(fate.state, fate.state)} {fate.count}{why}")
            name = channel or self._say("nobody")
            yield self._say("pair", name, self._say("comma").join(parts))

    def _findings(self, report: Report) -> Iterator[str]:
        """Say in sentences what of the signals is worth one."""
        for one in report.performance:
            where = _where(one.labels)
            if one.full is not None:
                left = self._lasted(one.full * 86_400)
                yield self._say("fills", one.signal, where, quantity(one.mean, one.unit), left)
            if one.notable and one.change is not None:
                phrase = "grew" if one.change > 0 else "fell"
                change = _rounded(abs(one.change) * 100)
                yield self._say(phrase, one.signal, where, change, self._say(f"in_{report.kind}"))

    def _performance(self, report: Report) -> Iterator[str]:
        for one in report.performance:
            yield self._say("pair", f"{one.signal} {_where(one.labels)}".strip(), self._values(one))
        if report.more:
            yield self._say("more", report.more)

    def _values(self, one: Performance) -> str:
        values = (quantity(value, one.unit) for value in (one.mean, one.most, one.p95))
        slope = ("+" if one.slope >= 0 else "") + quantity(one.slope, one.unit)
        said = self._say("values", *values, slope)
        if one.change is not None:
            said += self._say("changed", f"{one.change * 100:+.3g} %")
        return said

    def _missing(self, report: Report) -> Iterator[str]:
        for one in report.missing:
            yield self._lack(one)

    def _lack(self, one: Missing) -> str:
        if one.what in {"before", "clipped", "prometheus"}:
            return self._say(f"no_{one.what}")
        return self._say("no_signal", one.what, one.why or self._say("no_series"))


def _tidy(text: str) -> str:
    return clip(plain(text), _NAME)


def _where(labels: Labels) -> str:
    """Call a series by its host, and by what else it has."""
    host = next((labels[name] for name in _HOSTS if labels.get(name)), "")
    beside = {"__name__", "job", *_HOSTS}
    rest = (labels[name] for name in sorted(labels) if name not in beside)
    return _tidy(" ".join([host, *rest][:_SHOWN]).strip())


def _rounded(number: float) -> str:
    return f"{number:.3g}" if abs(number) < 1_000 else f"{number:.0f}"


def _availability(share: float) -> str:
    """Write a share of the time; what is not all of it never looks as if it were."""
    written = f"{share * 100:.3f}"
    return "99.999 %" if share < 1 and written == "100.000" else f"{float(written):g} %"
