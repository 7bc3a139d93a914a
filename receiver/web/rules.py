"""/api/v1/rules: what Prometheus evaluates, and the one file of rules that people change here."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import PurePath
from typing import Any

from aiohttp import hdrs, web
from pydantic import ValidationError

from receiver.rulebook.book import (
    Alerting,
    Book,
    Group,
    Rule,
    Rules,
    drop_rule,
    put_rule,
    rule_of,
    tag,
)
from receiver.rulebook.changing import Rulebook, RuleError
from receiver.store.audit import Change
from receiver.upstream.ruling import Grouped, ask_groups
from receiver.web.answers import demand, read_json
from receiver.web.asking import asked, prometheus
from receiver.web.auth import Scope
from receiver.web.keys import SITE, Site
from receiver.web.problems import Place, Refusal, in_body, parameter

REFUSALS = (409, 412, 422, 428, 502)
_STATUS = {"away": 502, "stuck": 502, "unusable": 503, "broken": 422, "rolled_back": 422}
"""Whatever else stands against a change is 409."""
_LONGEST = 500
_Part = Group | Alerting
_Find = Callable[[Book], _Part | None]


async def find(request: web.Request) -> web.Response:
    """Return every rule that Prometheus evaluates with its state, and which can be changed here."""
    demand(request, Scope.READ)
    site = request.app[SITE]
    groups = await asked(site, "rules", partial(ask_groups, *prometheus(site)))
    book = Book()
    if site.rulebook is not None:
        try:
            book = await site.rulebook.book()
        except RuleError:  # what is evaluated is shown all the same
            book = Book()
    return web.json_response({"groups": [_shown(site, book, each) for each in groups]})


async def show_group(request: web.Request) -> web.Response:
    """Return a group of the managed file, and its entity tag."""
    return await _show(request, partial(Book.group, name=request.match_info["group"]))


async def show_rule(request: web.Request) -> web.Response:
    """Return a rule of the managed file, and its entity tag."""
    return await _show(request, _rule_at(request))


async def put_group(request: web.Request) -> web.Response:
    """Make a group, or change all of it, in the managed file."""
    who = demand(request, Scope.ADMIN)
    said, name = await read_json(request, Rules), request.match_info["group"]
    try:
        group = Group(name=name, interval=said.interval, rules=said.rules)
    except ValidationError as error:
        raise _misnamed("group") from error
    find = partial(Book.group, name=name)
    return await _change(request, who, find, lambda book: book.put(group), group)


async def put_rule_of(request: web.Request) -> web.Response:
    """Make a rule, or change it, in a group of the managed file."""
    who = demand(request, Scope.ADMIN)
    said, name = await read_json(request, Rule), request.match_info["group"]
    try:
        given = said.model_dump(by_alias=True)
        rule = Alerting.model_validate({"alert": request.match_info["alert"]} | given)
    except ValidationError as error:
        raise _misnamed("alert") from error
    try:
        Group(name=name, rules=(rule,))
    except ValidationError as error:
        raise _misnamed("group") from error
    return await _change(
        request, who, _rule_at(request), lambda book: put_rule(book, name, rule), rule
    )


async def delete_group(request: web.Request) -> web.Response:
    """Take a group out of the managed file."""
    who, name = demand(request, Scope.ADMIN), request.match_info["group"]
    find = partial(Book.group, name=name)
    return await _change(request, who, find, lambda book: book.without(name))


async def delete_rule(request: web.Request) -> web.Response:
    """Take a rule out of the managed file, and with the last one its group."""
    who, name = demand(request, Scope.ADMIN), request.match_info["group"]
    alert = request.match_info["alert"]
    return await _change(request, who, _rule_at(request), lambda book: drop_rule(book, name, alert))


def _rule_at(request: web.Request) -> _Find:
    group, alert = request.match_info["group"], request.match_info["alert"]
    return lambda book: rule_of(book.group(group), alert)


async def _show(request: web.Request, find: _Find) -> web.Response:
    demand(request, Scope.READ)
    try:
        part = find(await _rulebook(request).book())
    except RuleError as error:
        raise _refusal(error, within=False) from error
    if part is None:
        raise _unknown()
    return _answer(part)


async def _change(
    request: web.Request,
    who: str,
    find: _Find,
    make: Callable[[Book], Book],
    new: _Part | None = None,
) -> web.Response:
    """Make a change, unless what is there is not what its author knows; and note it."""
    rulebook, made = _rulebook(request), False

    def edit(book: Book) -> Book:
        nonlocal made
        there = find(book)
        _agree(request, there)
        if there is None and new is None:
            raise _unknown()
        made = there is None
        return make(book)

    try:
        await rulebook.change(edit)
    except RuleError as error:
        await _note(request, who, f"{error.outcome}: {error}")
        raise _refusal(error, within=isinstance(new, Group)) from error
    await _note(request, who, _told(new))
    if new is None:
        return web.Response(status=204)
    return _answer(new, 201 if made else 200)


async def _note(request: web.Request, who: str, detail: str) -> None:
    store, match = request.app[SITE].store, request.match_info
    subject = "/".join(match[name] for name in ("group", "alert") if name in match)
    verb = "rule" if request.method == "PUT" else "unrule"
    await store.note(Change(who, verb, f"rules {subject}", detail[:_LONGEST]), store.now())


def _told(new: _Part | None) -> str:
    rules = new.rules if isinstance(new, Group) else (new,) if new else ()
    return "; ".join(f"{each.alert}: {each.expr}" for each in rules)


def _agree(request: web.Request, there: _Part | None) -> None:
    """Raise the refusal of a change whose author does not know what it changes (RFC 9110, 13)."""
    shown = {text.strip() for text in request.headers.get(hdrs.IF_MATCH, "").split(",")} - {""}
    if there is not None and request.headers.get(hdrs.IF_NONE_MATCH, "").strip() == "*":
        raise Refusal(412, "it is there already", Place("header", hdrs.IF_NONE_MATCH))
    if shown and (there is None or not shown & {"*", tag(there)}):
        said = "it was changed since; get it again, and change that"
        raise Refusal(412, said, Place("header", hdrs.IF_MATCH))
    if there is not None and not shown:
        said = "it is there already: send If-Match with the etag that you changed, or *"
        raise Refusal(428, said, Place("header", hdrs.IF_MATCH))


def _rulebook(request: web.Request) -> Rulebook:
    rulebook = request.app[SITE].rulebook
    if rulebook is None:
        said = "no rules are changed here: receiver.yml sets no `rules_file` under `prometheus`"
        raise Refusal(409, said)
    return rulebook


def _unknown() -> Refusal:
    return Refusal(404, "it is not in the managed file; GET /api/v1/rules says what is evaluated")


def _misnamed(name: str) -> Refusal:
    said = f"{name}: at most 100 letters, digits, blanks and _.:()+- that begin with a letter"
    return Refusal(400, said, parameter(name))


def _refusal(error: RuleError, *, within: bool) -> Refusal:
    said = str(error)
    if error.outcome == "rolled_back":
        said = f"{said}; the rules of before are in force"
    steps = ("rules", error.index, "expr") if within and error.index is not None else ("expr",)
    places = [in_body(*steps)] if error.index is not None else []
    return Refusal(_STATUS.get(error.reason, 409), said, *places)


def _answer(part: _Part, status: int = 200) -> web.Response:
    said = part.model_dump(by_alias=True, exclude_defaults=True) | {"etag": tag(part)}
    return web.json_response(said, status=status, headers={hdrs.ETAG: tag(part)})


def _shown(site: Site, book: Book, group: Grouped) -> dict[str, Any]:
    ours = site.rulebook and PurePath(group.file).name == site.rulebook.path.name
    own = book.group(group.name) if ours else None
    said = asdict(group) | {"managed": own is not None, "etag": tag(own) if own else None}
    for each in said["rules"]:
        found = rule_of(own, each["name"])
        each["for"] = each.pop("lasting")
        each["etag"] = tag(found) if found else None
    return said
