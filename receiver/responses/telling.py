"""Lets everybody who was told of an incident hear what a response does about it."""

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from receiver.model import ACT_KEY, Language
from receiver.responses.carrying import written_out
from receiver.responses.runbook import Runbook
from receiver.store.run_records import Run, State
from receiver.store.schema import StoreUnavailableError
from receiver.store.store import Store

_LOG = logging.getLogger(__name__)

Announce = Callable[[bytes, datetime, Collection[str]], Awaitable[object]]
"""Takes a webhook of our own, and channels that hear of it beside those of the incident."""
_FAILED = (State.FAILED, State.UNVERIFIED, State.UNDONE)
_VERBS = {State.ASKING: "respond-asks", **dict.fromkeys(_FAILED, "respond-fails")}
"""What people are called for; of all else they are told."""

_WORDS: Mapping[Language, Mapping[State, str]] = {
    Language.EN: {
        State.ASKING: "asks whether it may act on {target}: {detail}",
        State.ACTING: "acts on {target} now",
        State.VERIFIED: "{target} is repaired: {detail}",
        State.UNVERIFIED: "acted on {target}, and nobody can tell whether it helped: {detail}",
        State.FAILED: "could not repair {target}, a person must look: {detail}",
        State.UNDONE: "did not help {target} and was taken back, a person must look: {detail}",
        State.CANCELLED: "was stopped at {target}: {detail}",
        State.REFUSED: "does not act on {target}: {detail}",
        State.REHEARSED: "would act on {target} (dry run){detail}",
    },
    Language.ZH: {
        State.ASKING: "请求批准对 {target} 执行：{detail}",
        State.ACTING: "正在对 {target} 执行",
        State.VERIFIED: "{target} 已修复：{detail}",
        State.UNVERIFIED: "已对 {target} 执行，但无法确认是否有效：{detail}",
        State.FAILED: "未能修复 {target}，需要人工处理：{detail}",
        State.UNDONE: "对 {target} 无效，已回滚，需要人工处理：{detail}",
        State.CANCELLED: "在 {target} 上被停止：{detail}",
        State.REFUSED: "不对 {target} 执行：{detail}",
        State.REHEARSED: "将会对 {target} 执行（演练）{detail}",
    },
}


@dataclass(frozen=True, slots=True)
class Telling:
    """`announce` takes a webhook of our own; `language` is that of the receiver."""

    store: Store
    announce: Announce
    runbooks: Callable[[], Mapping[str, Runbook]]
    language: Callable[[], Language]

    async def __call__(self, run: Run) -> None:
        """Tell where a run stands; what it did stands all the same where that fails."""
        try:
            bodies = await self.store.told_of(run.wanted.incident, most=1)
            if bodies:
                body = _body(bodies[0], run, self._said(run))
                await self.announce(body, run.changed_at, self._also(run))
        except StoreUnavailableError as error:
            _LOG.warning("run %d: what became of it is not told: %s", run.id, error)

    def _also(self, run: Run) -> Collection[str]:
        runbook = self.runbooks().get(run.wanted.runbook)
        return runbook.on_failure if runbook and run.state in _FAILED else ()

    def _said(self, run: Run) -> str:
        runbook = self.runbooks().get(run.wanted.runbook)
        language = (runbook and runbook.language) or self.language()
        detail = run.detail or run.reason
        if runbook and run.state is State.ASKING:
            detail = "; ".join(step.says for step in written_out(runbook, run))
        if run.state is State.REHEARSED and detail:
            detail = f": {detail}"
        return _WORDS[language][run.state].format(target=run.wanted.target or "?", detail=detail)


def _body(told: bytes, run: Run, said: str) -> bytes:
    document: dict[str, Any] = orjson.loads(told)
    act = {
        "verb": _VERBS.get(run.state, "respond"),
        "who": run.wanted.runbook,
        "at": run.changed_at.isoformat(),
        "until": None,
        "detail": said,
        "run": run.id,
    }
    fires = any(alert["status"] == "firing" for alert in document["alerts"])
    status = "firing" if fires else "resolved"
    return orjson.dumps(document | {"status": status, "notification_reason": "", ACT_KEY: act})
