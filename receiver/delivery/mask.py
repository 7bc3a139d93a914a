"""Keeps secrets out of what is logged, counted and stored."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

MASK = "***"
_LONGEST = 300
_SHORTEST_PART = 6
_PERCENT = re.compile(r"%[0-9A-F]{2}")


def mask(text: str, secrets: Iterable[str]) -> str:
    """Replace every secret, also percent-encoded or as a part of a URL that is one."""
    for form in _spellings(tuple(secrets)):
        text = text.replace(form, MASK)
    return text


def one_line(text: str, secrets: Iterable[str]) -> str:
    """Mask, and make it one printable line short enough for a log and a label."""
    line = " ".join(mask(text, secrets).split())
    line = "".join(char for char in line if char.isprintable())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


@lru_cache(maxsize=64)
def _spellings(secrets: tuple[str, ...]) -> tuple[str, ...]:
    """Return every form, the longest first: one secret may be a part of another."""
    forms = {form for secret in secrets for form in _forms(secret)}
    return tuple(sorted(forms, key=len, reverse=True))


def _forms(secret: str) -> Iterator[str]:
    for part in (secret, *_parts(secret)):
        plain = unquote(part)
        for form in (part, plain, quote(plain, safe=""), quote(plain), quote_plus(plain)):
            yield form
            yield _PERCENT.sub(lambda found: found[0].lower(), form)


def _parts(secret: str) -> Iterator[str]:
    """Yield what of a URL a server or a library might repeat alone."""
    if "://" not in secret:
        return
    url = urlsplit(secret)
    values = [value for _, value in parse_qsl(url.query)]
    for part in (url.password or "", url.path, url.query, *url.path.split("/"), *values):
        if len(part) >= _SHORTEST_PART:
            yield part
