"""The worker: fits what comes in until nothing more does. `python -m exporter.fit`."""

import os
import signal
import sys
from importlib import import_module
from typing import BinaryIO

from exporter.fit import FITS
from exporter.fitted import wire
from exporter.fitted.contract import Arrays
from exporter.fitted.worker import OUT_OF_MEMORY

_NICE = 10
_MEMORY = 2 * 2**30
"""Bytes of address space, of which the libraries alone reserve 400 MiB."""
_GRACE = 5
"""Seconds after the deadline, at which the asking process kills, until this one ends itself."""


def main() -> None:
    """Answer requests on the standard input, one after the other; an error ends the process."""
    os.nice(_NICE)
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    # What a library prints must not end up among the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        while request := _read(sys.stdin.buffer):
            answers.write(wire.pack(_fit(request)))
            answers.flush()
    except MemoryError:
        sys.exit(OUT_OF_MEMORY)


def _fit(request: Arrays) -> Arrays:
    """Fit within the request's own `deadline`, even where nobody is left to kill this process."""
    signal.alarm(int(request["deadline"]) + _GRACE)
    module, function = FITS[str(request["method"])].split(":")
    answer: Arrays = getattr(import_module(module), function)(request)
    signal.alarm(0)
    return answer


def _read(requests: BinaryIO) -> Arrays | None:
    head = requests.read(wire.HEAD.size)
    return wire.unpack(requests.read(wire.length(head))) if head else None


if __name__ == "__main__":
    main()
