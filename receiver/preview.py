"""`preview`: what would be sent, printed; nothing is sent, and no other host is asked."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from receiver import config
from receiver.config import Config
from receiver.delivery.sending import Outlet
from receiver.drill import choose, visit
from receiver.intake.webhook import ParseError, parse
from receiver.messages.custody import NOBODY
from receiver.messages.library import (
    ACT_FILES,
    DIGEST_FILES,
    NAMES,
    QUIET_FILES,
    REPORT_FILES,
    files_of,
    formats_of,
)
from receiver.messages.render import Rendered, Style
from receiver.messages.samples import ACTS, BACKGROUNDS, DIGESTS, NOW, SAMPLES
from receiver.messages.writing import page_of, write
from receiver.model import UNKNOWN, Background, ConfigError, Language, Notification
from receiver.signing import Signer


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the others."""
    preview = commands.add_parser("preview", help="print what would be sent")
    preview.add_argument("--config", type=Path, required=True, metavar="FILE")
    preview.add_argument("--channel", metavar="NAME", help="only what goes by this one")
    preview.add_argument("--template", choices=NAMES, help="only what this one writes")
    what = preview.add_mutually_exclusive_group()
    what.add_argument("--payload", metavar="FILE", help="a webhook's body, or - for standard input")
    what.add_argument("--incident", type=int, metavar="ID", help="the last that came for it")
    what.add_argument("--sample", choices=SAMPLES, default="single")
    preview.add_argument("--language", type=Language, choices=list(Language))
    preview.add_argument("--html", type=Path, metavar="FILE", help="write a mail's page there")


@dataclass(frozen=True, slots=True)
class _Told:
    """What the messages are about, and the moment at which they are written."""

    notifications: tuple[Notification, ...]
    now: datetime
    background: Background = UNKNOWN
    incident: int = 0


async def run(arguments: argparse.Namespace) -> int:
    """Print the messages; returns 1 where a template failed on them.

    Raises ConfigError, and what opening the store raises.
    """
    settings = config.load(arguments.config)
    told = await _told(arguments, settings)
    chosen = list(_chosen(arguments, settings))
    failed = False
    for name, style, outlet in chosen:
        rendered = _written(told, style, settings, outlet)
        if len(chosen) > 1:
            sys.stdout.write(f"--- {name}: {style.format}\n")
        sys.stdout.write(_shown(rendered, arguments.template or ""))
        if arguments.html and rendered.message.html:
            arguments.html.write_text(page_of(rendered.message), "utf-8")
        for failure in rendered.failures:
            failed = True
            sys.stderr.write(f"{failure}; built-in text would be sent\n")
    return int(failed)


def _written(told: _Told, style: Style, settings: Config, outlet: Outlet | None) -> Rendered:
    """Write the message as the channel would post it, with links of which none is good."""
    doors = outlet.doors if outlet else None
    custody = doors.pretend(told.incident, told.now) if doors else NOBODY
    rendered = write(
        told.notifications, style, settings.templates, told.now, told.background, custody
    )
    if outlet is None:
        return rendered
    draft = outlet.channel.draft(rendered.message)
    return replace(rendered, message=replace(rendered.message, title=draft.title, body=draft.lines))


def _chosen(
    arguments: argparse.Namespace, settings: Config
) -> Iterator[tuple[str, Style, Outlet | None]]:
    """Yield the wanted channels, or one that the wanted template writes for, with their styles."""
    names = [arguments.channel] if arguments.channel else []
    found = [(one.name, one.style, one) for one in choose(settings, names, Signer(b""))]
    chosen: list[tuple[str, Style, Outlet | None]] = [*found]
    if arguments.template:
        chosen = [_fitting(arguments.template, found, settings, only=bool(names))]
    for name, style, outlet in chosen:
        language = arguments.language or style.language
        speaking = outlet.speaking(language) if outlet else None
        yield name, replace(style, language=language), speaking


def _fitting(
    template: str, found: Sequence[tuple[str, Style, Outlet]], settings: Config, *, only: bool
) -> tuple[str, Style, None]:
    """Return the first channel that a template writes for, else one that there might be."""
    wanted = formats_of(template)
    titled = only and template == files_of(template)["title"]  # every channel has titles
    for name, style, _ in found:
        if titled or style.format in wanted:
            return name, style, None
    if only:
        raise ConfigError([f"--template: {template} writes nothing for {found[0][0]}"])
    return "", Style(wanted[0], settings.language, settings.timezone, settings.links), None


async def _told(arguments: argparse.Namespace, settings: Config) -> _Told:
    if arguments.payload is not None:
        return _Told((read_payload(arguments.payload),), datetime.now(UTC))
    if arguments.incident is not None:
        newest = await latest(settings, arguments.incident)
        return _Told((newest,), datetime.now(UTC), incident=arguments.incident)
    sample = _sample(arguments.template or "", arguments.sample)
    return _Told(SAMPLES[sample], NOW, BACKGROUNDS.get(sample, UNKNOWN))


def _sample(template: str, wanted: str) -> str:
    """Return the sample that is wanted, or one that the template is about."""
    files = files_of(template)
    if files is DIGEST_FILES and wanted not in DIGESTS:
        return "digest"
    if files is QUIET_FILES:
        return "maintenance over"
    if files is REPORT_FILES:
        return "weekly report"
    return "acknowledged" if files is ACT_FILES and wanted not in ACTS else wanted


async def latest(settings: Config, incident: int) -> Notification:
    """Return what an incident's newest webhook says; raises ConfigError where none is kept."""
    async with visit(settings) as store:
        bodies = await store.told_of(incident) if store else []
    if not bodies:
        problem = f"--incident: no {incident} is stored; GET /api/v1/notifications names them"
        raise ConfigError([problem])
    return parse(bodies[0])


def read_payload(path: str) -> Notification:
    """Read a webhook's body from a file, or from standard input; raises ConfigError."""
    try:
        return parse(sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes())
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from error
    except ParseError as error:
        remedy = "give the body that Alertmanager posts to a webhook"
        raise ConfigError([f"{path}: {error}; {remedy}"]) from error


def _shown(rendered: Rendered, template: str) -> str:
    message = rendered.message
    files = files_of(template)
    if template == files["title"]:
        return f"{message.title}\n"
    if template == files["html"]:
        return f"{message.html}\n"
    return f"{message.body}\n" if template else f"{message.title}\n\n{message.body}\n"
