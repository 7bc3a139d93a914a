"""Telegram's HTML with the tags that it knows, and none of the rest."""

from html.parser import HTMLParser

from markupsafe import Markup, escape

from receiver.messages.filters import web_link

_KNOWN = {"b", "strong", "i", "em", "u", "s", "code", "pre"}


class _Reader(HTMLParser):
    """Writes what it reads; what is open at the end is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn = Markup()
        self.opened: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        url = web_link(dict(attrs).get("href") or "") if tag == "a" else ""
        if url:
            self.drawn += Markup('<a href="{0}" title="{0}">').format(url)
        elif tag in _KNOWN:
            self.drawn += Markup(f"<{tag}>")  # noqa: S704 -- one of ours
        else:
            return
        self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while tag in self.opened:
            self.close_last()
            if tag not in self.opened:
                return

    def handle_data(self, data: str) -> None:
        self.drawn += escape(data)

    def close_last(self) -> None:
        """Write the end of what was opened last."""
        self.drawn += Markup(f"</{self.opened.pop()}>")  # noqa: S704 -- one of ours


def telegram(text: str) -> Markup:
    """Return the text as HTML of known tags and escaped words."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    while reader.opened:
        reader.close_last()
    return reader.drawn
