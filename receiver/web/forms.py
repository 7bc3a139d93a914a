"""Forms of our pages: who sent one, and that a page of ours had it."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from aiohttp import web

from receiver.web.answers import demand, read_body
from receiver.web.auth import Scope
from receiver.web.keys import SITE
from receiver.web.pages import policy
from receiver.web.problems import Refusal
from receiver.web.session import COOKIE, form_seal, is_own_form

POLICY = {"Content-Security-Policy": policy(forms="'self'")}
"""For pages that have a form."""


@dataclass(frozen=True, slots=True)
class Form:
    """What somebody wrote into a form; a field that is not there is empty."""

    who: str
    fields: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.fields.get(name, "")

    def lines(self, name: str) -> list[str]:
        """Return the lines of a field that have something in them."""
        return [line.strip() for line in self[name].splitlines() if line.strip()]


async def read_form(request: web.Request, root: str = "") -> Form:
    """Read a form; raises the refusal of who may not act, and of one that is not ours."""
    who = demand(request, Scope.OPERATE)
    site, cookie = request.app[SITE], request.cookies.get(COOKIE, "")
    said = parse_qs((await read_body(request)).decode("utf-8", "replace"))
    fields = {name: values[0].strip() for name, values in said.items()}
    if not is_own_form(site.signer, cookie, fields.get("seal", "")):
        page = site.pages.notice("forged", root=root)
        raise web.HTTPForbidden(text=page, content_type="text/html")
    return Form(who, fields)


def seal_for(request: web.Request) -> tuple[str, str]:
    """Return who may act by a form of ours, and what shows that it is; else both are empty."""
    try:
        who = demand(request, Scope.OPERATE)
    except Refusal:
        return "", ""
    return who, form_seal(request.app[SITE].signer, request.cookies.get(COOKIE, ""))
