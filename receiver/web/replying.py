"""What people do from a message: about its incident, or about a response to it that asks.

Of a response, the verb has its number: `approve-7`. Whoever may act on an incident by a link or a
button reaches the responses to that incident, and no others.
"""

import re

from receiver.incidents.acting import Actor, Result, Wish
from receiver.incidents.people import Person
from receiver.responses.answering import Answering, deadline
from receiver.responses.carrying import written_out
from receiver.web.keys import Desk, Site
from receiver.web.pages import Ask

_OF_RUN = re.compile(r"(approve|refuse|stop)-([0-9]{1,18})", re.ASCII)
_MOST = 20


async def reply(site: Site, desk: Desk, actor: Actor, incident: int, verb: str) -> Result:
    """Do what a button or a form of a message says."""
    found = _OF_RUN.fullmatch(verb)
    if found is None:
        return await desk.acting.act(actor, incident, Wish(verb))
    if site.engine is None:
        return Result("failed", "this receiver responds to nothing")
    answering = Answering(site.store, site.engine)
    return await answering.act(actor, int(found[2]), found[1], incident=incident)


async def asks(site: Site, incident: int) -> tuple[Ask, ...]:
    """Return the responses to an incident that ask; raises StoreUnavailableError."""
    if site.engine is None:
        return ()
    books = site.engine.runbooks()
    found = await site.store.runs.asking(incident)
    pairs = ((run, books.get(run.wanted.runbook)) for run in found[:_MOST])
    return tuple(
        Ask(
            run.id,
            book.name,
            run.wanted.target,
            tuple(step.says for step in written_out(book, run)),
            deadline(run, book),
        )
        for run, book in pairs
        if book
    )


def approver(person: Person) -> bool:
    """Whether somebody may approve."""
    return "approve" in person.roles
