import re
from datetime import timedelta

import pytest

from receiver.store.gallery import LASTS
from receiver.store.schema import StoreUnavailableError
from receiver.store.store import Store
from receiver.web import pictures
from receiver.web.keys import Site
from tests.receiver.clients import Client

PNG = b"\x89PNG picture"


async def status(client: Client, path: str) -> int:
    async with client.get(path) as answer:
        return answer.status


@pytest.mark.usefixtures("guarded")
async def test_who_has_the_link_sees_the_picture_without_a_token(
    client: Client, site: Site
) -> None:
    async with client.get(await pictures.hang(site, PNG)) as answer:
        assert (answer.status, answer.content_type, await answer.read()) == (200, "image/png", PNG)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_link_that_was_not_made_here_shows_nothing(client: Client, site: Site) -> None:
    path = await pictures.hang(site, PNG)
    other = await pictures.hang(site, b"another")
    assert await status(client, path.replace("seal=", "seal=x")) == 403
    assert await status(client, re.sub(r"until=\d+", "until=99999999999", path)) == 403
    assert await status(client, path.partition("?")[0]) == 403
    assert await status(client, path[:42] + other[42:]) == 403
    assert await status(client, "/picture/../receiver.yml") == 404


async def test_after_a_week_it_shows_nothing(
    client: Client, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await pictures.hang(site, PNG)
    later = site.store.now() + LASTS + timedelta(seconds=2)
    monkeypatch.setattr(site.store, "now", lambda: later)
    assert await status(client, path) == 410


async def test_one_that_is_gone_is_told_from_a_store_that_is_away(
    client: Client, site: Site, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await pictures.hang(site, PNG)
    monkeypatch.setattr("receiver.store.gallery._MOST", 1)
    await pictures.hang(site, b"another")
    assert await status(client, path) == 410

    async def away(_: str) -> bytes:
        raise StoreUnavailableError

    monkeypatch.setattr(store.gallery, "show", away)
    assert await status(client, path) == 503
