"""The parts of a store that are objects of their own."""

from receiver.store import audit, keeping, replies
from receiver.store.escalating import Escalating
from receiver.store.faring import Faring
from receiver.store.gallery import Gallery
from receiver.store.gates import Gates
from receiver.store.handling import Handling
from receiver.store.incidents import Incidents
from receiver.store.keeping import Keeping
from receiver.store.lane import Lane
from receiver.store.places import Places
from receiver.store.replies import Replies
from receiver.store.reports import Reports
from receiver.store.review import Reviewing
from receiver.store.rota import Rota
from receiver.store.runs import Runs
from receiver.store.verdicts import Verdicts

ALSO = (audit.forget, keeping.forget, replies.forget)
"""What is forgotten by its age, beside webhooks and all that hangs on them."""


class Parts:
    """What a store has besides what it does itself; each part is used by rooms that need it."""

    def __init__(self, writer: Lane, reader: Lane) -> None:
        self.handling = Handling(writer, reader)
        self.verdicts = Verdicts(writer, reader)
        self.incidents = Incidents(reader)
        self.gallery = Gallery(writer, reader)
        self.places = Places(writer, reader)
        self.gates = Gates(reader)
        self.faring = Faring(reader)
        self.keeping = Keeping(writer, reader)
        self.rota = Rota(writer, reader)
        self.escalating = Escalating(writer, reader)
        self.reviewing = Reviewing(reader)
        self.replies = Replies(writer, reader)
        self.reports = Reports(writer, reader)
        self.runs = Runs(writer, reader)
        self.auditing = audit.Auditing(reader)
