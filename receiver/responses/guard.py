"""Whether a response may act now, with a named reason (pure).

What can pass by itself, as another run's turn, lets it wait; all else refuses it for good. A run
that waits too long is over with its alert.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from receiver.responses.fields import UnsafeError
from receiver.responses.runbook import Mode, Runbook
from receiver.store.run_records import Past, Ruling, Run, State


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds for all runbooks: runs that act at once, and whether root may act at all."""

    concurrency: int = 3
    allow_root: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """What is known beside the store, at `now`.

    `switch` is where the kill switch is thrown, outside of the store. `silenced` and `window` are
    what keeps the alert quiet, `group` how many there are of what is acted on, None where nobody
    can tell, and `unsafe` why a step cannot be written out.
    """

    now: datetime
    switch: str = ""
    is_root: bool = False
    silenced: bool = False
    window: str = ""
    group: float | None = None
    unsafe: UnsafeError | None = None


def judge(runbook: Runbook | None, run: Run, past: Past, scene: Scene, limits: Limits) -> Ruling:
    """Say where a run that does not act yet goes next.

    A dry run passes the same guards, and what they would say is what it shows.
    """
    if runbook is None or runbook.mode is Mode.OFF:
        return Ruling(State.CANCELLED, "off", "the runbook is off, or there is none any longer")
    if not past.fires:
        return Ruling(State.CANCELLED, "resolved", "the alert is over")
    mode = mode_of(runbook, past)
    if mode is Mode.DRY_RUN:
        return _rehearse(runbook, run, past, scene)
    rulings = (ruling for _, ruling in opinions(runbook, run, past, scene, limits))
    return next(filter(None, rulings), Ruling(State.ACTING))


def opinions(
    runbook: Runbook, run: Run, past: Past, scene: Scene, limits: Limits
) -> Iterator[tuple[str, Ruling | None]]:
    """Yield what each guard has against it, by its name, in the order in which they are asked."""
    yield "stops", _stopped(run, past, scene, limits)
    yield "target", _misdirected(runbook, run, scene)
    yield "past", _spent(runbook, run, past, scene)
    yield "blast", _too_wide(runbook, run, past, scene)
    yield "approval", _asks(runbook, run, past, scene, mode_of(runbook, past))
    yield "room", _crowded(runbook, run, past, limits)


def mode_of(runbook: Runbook, past: Past) -> Mode:
    """Return how far it goes: by itself only after enough runs that people wanted have helped."""
    if runbook.mode is Mode.AUTO and past.verified < runbook.guard.promotion:
        return Mode.APPROVE
    return runbook.mode


def _rehearse(runbook: Runbook, run: Run, past: Past, scene: Scene) -> Ruling:
    """End a dry run, and say what would have kept it from acting."""
    kept = (
        _misdirected(runbook, run, scene)
        or _spent(runbook, run, past, scene)
        or _too_wide(runbook, run, past, scene)
    )
    if kept is None:
        return Ruling(State.REHEARSED)
    return Ruling(State.REHEARSED, kept.reason, kept.detail)


def _stopped(run: Run, past: Past, scene: Scene, limits: Limits) -> Ruling | None:
    """Look at what stops responses whatever they do."""
    if by := scene.switch or past.switch:
        return Ruling(run.state, "kill_switch", by)
    if scene.is_root and not limits.allow_root:
        return _refuse("root", "the receiver runs as root; set responses.allow_root to let it act")
    if scene.silenced:
        return Ruling(run.state, "silenced", "a silence hides the alert")
    if scene.window:
        return Ruling(run.state, "maintenance", scene.window)
    if past.breaker:
        return Ruling(run.state, "breaker", past.breaker)
    return None


def _misdirected(runbook: Runbook, run: Run, scene: Scene) -> Ruling | None:
    """Look at what it would act on."""
    target = run.wanted.target
    if not target:
        return _refuse("no_target", f"the alert has no label {runbook.target}")
    if runbook.guard.targets is not None and not runbook.allows(target):
        return _refuse("target_not_allowed", f"{target!r:.80} is not among guard.targets")
    return _refuse("unsafe_value", str(scene.unsafe)) if scene.unsafe else None


def _spent(runbook: Runbook, run: Run, past: Past, scene: Scene) -> Ruling | None:
    """Look at what was done before."""
    guard = runbook.guard
    if past.begun >= guard.tries:
        return _refuse("tries", f"{past.begun} of {guard.tries} tries for this alert are used")
    if past.last is not None:
        again = past.last + timedelta(seconds=guard.cooldown)
        if scene.now < again:
            return Ruling(run.state, "cooldown", f"{run.wanted.target} until {again:%H:%M:%S} UTC")
    if past.recent >= guard.rate.count:
        within = f"{past.recent} runs within {guard.rate.period:g} s"
        return Ruling(run.state, "rate", within)
    return None


def _too_wide(runbook: Runbook, run: Run, past: Past, scene: Scene) -> Ruling | None:
    """Look at how much it would have acted on with this; past the bound a person must look."""
    blast, many = runbook.guard.blast, len(past.targets | {run.wanted.target})
    if many > blast.most:
        return _trip(f"{many} targets within {blast.within:g} s, of at most {blast.most}")
    if not blast.group:
        return None
    if scene.group is None:
        return Ruling(run.state, "group_unknown", f"nobody can tell how large {blast.group} is")
    if many > blast.share * scene.group:
        return _trip(f"{many} of {scene.group:g}, which is more than {blast.share:g} of them")
    return None


def _asks(runbook: Runbook, run: Run, past: Past, scene: Scene, mode: Mode) -> Ruling | None:
    """Look whether people must agree, and whether they have, in time."""
    if mode is not Mode.APPROVE:
        return None
    if run.state is not State.ASKING:
        why = "not_promoted" if runbook.mode is Mode.AUTO else ""
        return Ruling(State.ASKING, why)
    agreed, needed = len(past.agreed or {}), 2 if runbook.guard.two_people else 1
    if agreed >= needed:
        return None
    if scene.now >= run.changed_at + timedelta(seconds=runbook.guard.approval):
        return _refuse("not_approved", f"{agreed} of {needed} people agreed in time")
    return Ruling(run.state, run.reason, run.detail)


def _crowded(runbook: Runbook, run: Run, past: Past, limits: Limits) -> Ruling | None:
    """Look at what acts now."""
    if past.on_target:
        return Ruling(run.state, "target_busy", "another run acts on it")
    if past.of_runbook >= runbook.guard.concurrency:
        return Ruling(run.state, "runbook_busy", f"{past.of_runbook} of its runs act now")
    if past.running >= limits.concurrency:
        return Ruling(run.state, "busy", f"{past.running} responses act now")
    return None


def _refuse(reason: str, detail: str) -> Ruling:
    return Ruling(State.REFUSED, reason, detail)


def _trip(detail: str) -> Ruling:
    return Ruling(State.REFUSED, "blast_radius", detail, trips=True)
