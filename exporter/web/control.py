"""What changes the exporter from outside."""

from aiohttp import web

from exporter.web.service import SERVICE


async def reload(request: web.Request) -> web.Response:
    """Read the configuration again; where it is wrong, say how and keep the old one."""
    problems = request.app[SERVICE].reload()
    if problems:
        raise web.HTTPInternalServerError(text="\n".join(problems) + "\n")
    return web.Response(text="reloaded\n")
