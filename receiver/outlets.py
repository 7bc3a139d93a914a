"""The configured channels, each with the style of its messages."""

from collections.abc import Iterator

from receiver.channels.contract import Channel
from receiver.channels.email import Email
from receiver.channels.inbox import Inbox
from receiver.config import Config
from receiver.delivery.sending import Outlet
from receiver.incidents.verbs import offered
from receiver.messages.custody import Doors
from receiver.messages.render import Style
from receiver.signing import Signer


def outlets(config: Config, signer: Signer | None = None) -> Iterator[Outlet]:
    """Yield each channel with the style of its messages; without a signer none has links to act."""
    handles = {key: person.handles for key, person in config.people.items()}
    for name, channel in config.channels.items():
        language = channel.language or config.language
        zone = channel.timezone or config.timezone
        # A channel writes some words itself: how many lines its limit left out.
        speaking = channel.model_copy(update={"language": language})
        link = "" if isinstance(channel, Inbox) else config.links  # it need not lead to itself
        style = Style(channel.written, language, zone, link, changes=channel.changes)
        doors = _doors(config, channel, signer) if signer and config.people else None
        linked = bool(config.external_url and link) and channel.format != "sms"
        pictured = channel.attaches or linked
        templates = config.templates
        yield Outlet(name, speaking, style, templates, pictured, doors, handles)


def _doors(config: Config, channel: Channel, signer: Signer) -> Doors:
    """Return what lets people act from this channel's messages."""
    silences = config.alertmanager is not None
    verbs = offered(silences=silences) if channel.clickable else ()
    keys = (channel.people or _reader(config, channel)) if config.links else ()
    people = {key: config.people[key].name for key in keys}
    return Doors(config.links, signer, people, verbs, silences)


def _reader(config: Config, channel: Channel) -> tuple[str, ...]:
    """Return whose mailbox a mail alone goes to, if it is somebody's."""
    if not isinstance(channel, Email) or len(channel.to) != 1:
        return ()
    return tuple(key for key, person in config.people.items() if person.email == channel.to[0])
