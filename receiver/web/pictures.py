"""GET /picture/NAME: a picture that a message links to, for whoever has the link, for a week."""

from aiohttp import web

from receiver.store.gallery import LASTS
from receiver.store.schema import StoreUnavailableError
from receiver.web.keys import SITE, Site
from receiver.web.problems import problem

PATH = "/picture/{name:[0-9a-f]{32}}"
_PURPOSE = "picture"
_GONE = "this picture is not kept any longer"


async def hang(site: Site, picture: bytes) -> str:
    """Keep a picture; returns the path by which it can be seen. Raises StoreUnavailableError."""
    now = site.store.now()
    name = await site.store.gallery.hang(picture, now)
    until = int((now + LASTS).timestamp())
    seal = site.signer.seal(_PURPOSE, name, until)
    return f"/picture/{name}?until={until}&seal={seal}"


async def show(request: web.Request) -> web.Response:
    """Show it to whoever has the link: chats fetch pictures without a token."""
    site, name = request.app[SITE], request.match_info["name"]
    until, seal = request.query.get("until", ""), request.query.get("seal", "")
    objection = site.signer.objection(_PURPOSE, name, until, seal, site.store.now())
    if objection:
        expired = objection == "expired"
        return problem(410 if expired else 403, _GONE if expired else "this link was not made here")
    try:
        picture = await site.store.gallery.show(name)
    except StoreUnavailableError:
        return problem(503, "the store is unavailable, try again")
    if picture is None:
        return problem(410, _GONE)
    headers = {"Cache-Control": "private, max-age=3600"}
    return web.Response(body=picture, content_type="image/png", headers=headers)
