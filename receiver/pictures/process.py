"""The drawing process: charts come by standard input, pictures go by standard output.

Each is preceded by its length in four bytes; a picture of no length is one that cannot be drawn.
It ends with its input, so never outlives the receiver.
"""

import os
import resource
import struct
import sys
from contextlib import suppress
from typing import BinaryIO

from receiver.model import Language
from receiver.pictures.chart import Chart, Line

LENGTH = struct.Struct("!I")
_MEMORY = 1 << 30
"""Bytes of address space; a picture needs a fifth of it."""


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Draw until the input ends; the first answer, to no question, says that all is loaded."""
    from receiver.pictures import drawing

    drawing.prepare()
    _answer(sink, drawing.draw(_FIRST))
    while head := source.read(LENGTH.size):
        try:
            picture = drawing.draw(Chart.model_validate_json(source.read(*LENGTH.unpack(head))))
        except (ArithmeticError, LookupError, MemoryError, RuntimeError, TypeError, ValueError):
            picture = b""
        _answer(sink, picture)


def _answer(sink: BinaryIO, picture: bytes) -> None:
    sink.write(LENGTH.pack(len(picture)) + picture)
    sink.flush()


_FIRST = Chart(
    title="",
    unit="",
    color="#000000",
    language=Language.EN,
    timezone="UTC",
    start=0.0,
    end=60.0,
    since=30.0,
    until=60.0,
    lines=(Line(label="", times=(0.0, 60.0), values=(0.0, 1.0)),),
    limit=1.0,
)
"""What loads all that a picture needs."""


def _bound() -> None:
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = _MEMORY if hard == resource.RLIM_INFINITY else min(_MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    _bound()
    with suppress(OSError):  # the unit of systemd forbids it
        os.nice(5)  # a webhook is answered before a picture is drawn
    serve(sys.stdin.buffer, sys.stdout.buffer)
