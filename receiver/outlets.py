"""The configured channels, each with the style of its messages."""

from collections.abc import Iterator

from receiver.channels.inbox import Inbox
from receiver.config import Config
from receiver.delivery.sending import Outlet
from receiver.messages.render import Style


def outlets(config: Config) -> Iterator[Outlet]:
    """Yield each channel with the style of its messages."""
    for name, channel in config.channels.items():
        language = channel.language or config.language
        zone = channel.timezone or config.timezone
        # A channel writes some words itself: how many lines its limit left out.
        speaking = channel.model_copy(update={"language": language})
        link = "" if isinstance(channel, Inbox) else config.links  # it need not lead to itself
        style = Style(channel.format, language, zone, link)
        yield Outlet(name, speaking, style, config.templates, pictured=channel.attaches)
