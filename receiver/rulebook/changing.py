"""How the file is changed: checked, written, taken up by Prometheus, or else as it was before."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath

import aiohttp

from receiver.metrics import Metrics
from receiver.model import ConfigError
from receiver.rulebook import keeping, tool
from receiver.rulebook.book import Book, excess, read, written
from receiver.upstream.asking import AskError
from receiver.upstream.nearby import session
from receiver.upstream.prometheus import Prometheus
from receiver.upstream.ruling import (
    Grouped,
    ask_groups,
    ask_reloaded,
    ask_syntax,
    reload,
    words,
)

_PATIENCE = 5.0
"""Seconds to wait for whoever else changes the file."""
_CHECKING = 30.0

Edit = Callable[[Book], Book]
"""Makes a change; raises RuleError where it cannot be made of how the rules stand."""


class RuleError(Exception):
    """A change that was not made; `reason` is a word for what stands against it.

    `index` is the rule of the changed group whose expression is wrong; `outcome` says whether
    the file was touched.
    """

    def __init__(self, reason: str, detail: str, index: int | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.index = index
        self.outcome = "refused"


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The managed file of one Prometheus."""

    path: Path
    told: Prometheus
    metrics: Metrics

    async def book(self) -> Book:
        """Return what is in the file; raises RuleError."""
        try:
            return await asyncio.to_thread(read, self.path)
        except ConfigError as error:
            raise RuleError("foreign", "; ".join(error.problems)) from error
        except OSError as error:
            raise RuleError("unusable", f"{self.path}: {error.strerror}") from error

    async def change(self, edit: Edit) -> None:
        """Make a change; when this returns, Prometheus evaluates the new rules.

        Raises RuleError, and then it evaluates those of before, unless the reason is `stuck`.
        """
        outcome = "refused"
        try:
            async with self._held():
                old = await self.book()
                new = edit(old)
                if new != old:
                    outcome = await self._exchange(old, new)
        except RuleError as error:
            outcome = error.outcome
            raise
        finally:
            self.metrics.rule_changes.labels(outcome).inc()

    @asynccontextmanager
    async def _held(self) -> AsyncIterator[None]:
        try:
            async with keeping.held(self.path, _PATIENCE):
                yield
        except TimeoutError as error:
            raise RuleError("busy", "the rules are being changed by others; try again") from error
        except OSError as error:
            raise RuleError("unusable", f"{self.path}: {error.strerror}") from error

    async def _exchange(self, old: Book, new: Book) -> str:
        if much := excess(new):
            raise RuleError("full", f"that makes {much}; take some away")
        async with session() as http:
            await self._check(http, old, new)
            before = await asyncio.to_thread(keeping.content, self.path)
            try:
                await asyncio.to_thread(keeping.replace, self.path, written(new))
                await self._take_up(http, new)
            except (RuleError, OSError, asyncio.CancelledError) as error:
                await self._restore(http, before, error)
                if isinstance(error, RuleError):
                    error.outcome = "rolled_back"
                raise
        return "done"

    async def _check(self, http: aiohttp.ClientSession, old: Book, new: Book) -> None:
        """Ask Prometheus and promtool what is wrong before anything is written."""
        try:
            async with asyncio.timeout(_CHECKING):
                for index, expr in _changed(old, new):
                    if wrong := await ask_syntax(http, self.told, expr):
                        raise RuleError("broken", wrong, index)
                wrong = await tool.objection(written(new))
        except AskError as error:
            raise RuleError("away", str(error)) from error
        except TimeoutError as error:
            raise RuleError("away", f"{self.told.url}: too slow to check all of it") from error
        if wrong:
            raise RuleError("broken", wrong)

    async def _take_up(self, http: aiohttp.ClientSession, new: Book) -> None:
        """Have Prometheus read the file, and see that it did."""
        try:
            await reload(http, self.told)
            worked, groups = await ask_reloaded(http, self.told), await ask_groups(http, self.told)
        except AskError as error:
            raise _refused(error) from error
        if not worked:
            raise RuleError("rolled_back", "Prometheus could not reload; its log says why")
        if missing := _missing(new, groups, self.path.name):
            said = f"Prometheus does not evaluate {missing}: have its rule_files name {self.path}"
            raise RuleError("unread", said)

    async def _restore(
        self, http: aiohttp.ClientSession, before: bytes | None, why: BaseException
    ) -> None:
        """Have everything as it was; raises RuleError where not even that works."""
        try:
            await asyncio.to_thread(keeping.replace, self.path, before)
            await reload(http, self.told)
        except (AskError, OSError) as error:
            if isinstance(why, RuleError) and why.reason == "closed":
                return  # it has not read the new rules, so it has the old ones
            said = f"{why}; and the rules of before are not in force again: {error}"
            stuck = RuleError("stuck", said)
            stuck.outcome = "stuck"
            raise stuck from error


def _changed(old: Book, new: Book) -> Iterator[tuple[int, str]]:
    """Yield the expressions that were not there before, each with its place in its group."""
    known = {rule.expr for group in old.groups for rule in group.rules}
    for group in new.groups:
        for index, rule in enumerate(group.rules):
            if rule.expr not in known:
                yield index, rule.expr


def _missing(new: Book, groups: tuple[Grouped, ...], file: str) -> str:
    """Name a group of which other alerts are evaluated than it has; empty where there is none."""
    wanted = {each.name: sorted(rule.alert for rule in each.rules) for each in new.groups}
    there = {
        each.name: sorted(rule.name for rule in each.rules)
        for each in groups
        if PurePath(each.file).name == file
    }
    every = sorted({*wanted, *there})
    differing = (name for name in every if wanted.get(name) != there.get(name))
    return next((f"the group {name!r} as it should" for name in differing), "")


def _refused(error: AskError) -> RuleError:
    if error.status == 403:
        said = f"{words(error)} Start Prometheus with --web.enable-lifecycle"
        return RuleError("closed", said)
    if error.status == 500:
        return RuleError("rolled_back", words(error))
    return RuleError("away", str(error))
