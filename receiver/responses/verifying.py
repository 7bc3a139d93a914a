"""Whether what was done helped: every check holds, and goes on to hold, before the time is over."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

from receiver.responses.checks import Answer, Check, Witness
from receiver.responses.fields import Fields, UnsafeError, fill
from receiver.responses.runbook import Verify

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it helped; None where there is no evidence, which is no success. `said` is why."""

    holds: bool | None
    said: str


async def verify(
    wanted: Verify, witness: Witness, fields: Fields, *, once: bool = False
) -> Verdict:
    """Ask again and again until it holds for long enough, or the time is over; or but once."""
    try:
        checks: Sequence[Check] = fill(wanted.checks, fields)
    except UnsafeError as error:
        return Verdict(None, str(error))
    end, since = monotonic() + wanted.within, None
    while True:
        verdict = _sum(checks, [await _ask(check, witness) for check in checks])
        now = monotonic()
        since = (since if since is not None else now) if verdict.holds else None
        if once or (since is not None and now - since >= wanted.stable):
            return verdict
        if now >= end and since is None:
            return verdict
        if now >= end + wanted.stable:
            return Verdict(False, f"not for {wanted.stable:g} s: {verdict.said}")
        await asyncio.sleep(wanted.every)


def _sum(checks: Sequence[Check], answers: Sequence[Answer]) -> Verdict:
    """Sum up: one that does not hold outweighs one without evidence, and that all the others."""
    said = "; ".join(f"{c.says}: {a.said}" for c, a in zip(checks, answers, strict=True))
    seen = {answer.holds for answer in answers}
    if False in seen:
        return Verdict(False, said)
    return Verdict(None if None in seen else True, said)


async def _ask(check: Check, witness: Witness) -> Answer:
    """Ask once; whatever goes wrong is no evidence."""
    try:
        async with asyncio.timeout(check.timeout):
            return await check.ask(witness)
    except TimeoutError:
        return Answer(None, f"no answer within {check.timeout:g} s")
    except Exception as error:  # noqa: BLE001 -- the fence of checks: it is said, and no evidence
        _LOG.warning("check %s: %r", check.check, error)
        return Answer(None, f"{type(error).__name__}: {error}")
