"""`dead list`, `dead show` and `dead replay`: what was given up, why, and sending it after all."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from receiver import config
from receiver.config import Config
from receiver.intake.webhook import parse
from receiver.store.notices import Asked
from receiver.store.records import Attempt, Notice
from receiver.store.store import Store

_MOST = 1_000
_NAMED = 3


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the others."""
    dead = commands.add_parser("dead", help="look at messages that were given up, or send them")
    what = dead.add_subparsers(dest="what", required=True)
    listing = what.add_parser("list", help="one line for each, newest first")
    showing = what.add_parser("show", help="one with its alerts and every attempt")
    again = what.add_parser("replay", help="send them after all")
    for each in (listing, showing, again):
        each.add_argument("--config", type=Path, required=True, metavar="FILE")
    listing.add_argument("--channel", default="", help="only of this channel")
    showing.add_argument("id", type=int)
    chosen = again.add_mutually_exclusive_group(required=True)
    chosen.add_argument("id", type=int, nargs="*", default=[])
    chosen.add_argument("--all", action="store_true", help="all that `dead list` shows")
    again.add_argument("--channel", default="", help="only of this channel")
    again.add_argument("--to", default="", metavar="CHANNEL", help="by this channel instead")


async def run(arguments: argparse.Namespace) -> int:
    """Run the command beside the receiver; returns the exit status.

    Raises ConfigError, StoreUnavailableError, StoreVersionError and FileNotFoundError.
    """
    settings = config.load(arguments.config)
    async with Store.visit(settings.database, parse) as store:
        if arguments.what == "show":
            return await _show(store, arguments.id)
        if arguments.what == "replay":
            return await _replay(store, settings, arguments)
        return await _list(store, arguments.channel)


async def _list(store: Store, channel: str) -> int:
    for notice in await _dead(store, channel):
        sys.stdout.write(f"{_line(notice)}\n")
    return 0


async def _dead(store: Store, channel: str) -> list[Notice]:
    return await store.notices(Asked("dead", channel, limit=_MOST, pending=True))


async def _show(store: Store, number: int) -> int:
    notice = await store.notice(number)
    if notice is None:
        return _fail(f"there is no message {number}; `dead list` shows those that were given up")
    for line in _lines(notice, await store.attempts_of(number)):
        sys.stdout.write(f"{line}\n")
    return 0


async def _replay(store: Store, settings: Config, arguments: argparse.Namespace) -> int:
    if arguments.to and arguments.to not in settings.channels:
        known = ", ".join(settings.channels)
        return _fail(f"no channel is named {arguments.to!r}; there are {known}")
    dead = {notice.id: notice for notice in await _dead(store, arguments.channel)}
    wanted = list(dead) if arguments.all else arguments.id
    gone = {n for n in wanted if n in dead and dead[n].channel not in settings.channels}
    if gone and not arguments.to:
        return _fail(f"the channel of {_numbers(gone)} is gone; choose another one with --to")
    done = await store.replay(wanted, arguments.to, store.now())
    if missed := set(wanted) - set(done):
        return _fail(f"not dead, or sent again already: {_numbers(missed)}")
    sys.stdout.write(f"{len(done)} owed again; a receiver that runs sends within a minute\n")
    return 0


def _numbers(numbers: set[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))


def _fail(line: str) -> int:
    sys.stderr.write(f"{line}\n")
    return 1


def _line(notice: Notice) -> str:
    names = list(dict.fromkeys(alert.labels.get("alertname", "?") for alert in notice.alerts))
    named = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
    when = f"{notice.settled_at or notice.accepted_at:%Y-%m-%d %H:%M:%S}"
    about = f"{notice.severity} {notice.status} {named} ({notice.total} alerts)"
    return f"{notice.id}  {when} UTC  {notice.channel}  {notice.reason}  {_plain(about)}"


def _lines(notice: Notice, attempts: list[Attempt]) -> Iterator[str]:
    yield f"{_line(notice)}  state {notice.state}"
    yield f"accepted {notice.accepted_at:%Y-%m-%d %H:%M:%S} UTC"
    if notice.within is not None:
        yield f"taken over by message {notice.within}"
    for attempt in attempts:
        said = " ".join(filter(None, (attempt.outcome or "not ended", attempt.reason)))
        yield f"attempt {attempt.number}  {attempt.started_at:%H:%M:%S}  {said}  {attempt.detail}"
    for alert in notice.alerts:
        labels = ", ".join(f"{name}={value}" for name, value in sorted(alert.labels.items()))
        yield _plain(f"{alert.status}  since {alert.starts_at:%Y-%m-%d %H:%M:%S}  {labels}")
        yield from (f"    {_plain(text)}" for _, text in sorted(alert.annotations.items()))
    if notice.total > len(notice.alerts):
        yield f"and {notice.total - len(notice.alerts)} more"


def _plain(text: str) -> str:
    """Return one printable line: an escape sequence in a label could rewrite the screen."""
    return "".join(char for char in " ".join(text.split()) if char.isprintable())
