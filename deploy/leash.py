"""Runs a program that ends when its parent does: `python -m deploy.leash PARENT_PID PROGRAM ...`.

Without it, a supervisor that is killed outright would leave its servers running.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h; it outlives exec


def main() -> None:
    """Tie this process to its parent where the kernel can (Linux), then become the program."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the line above
            raise SystemExit(1)
    os.execvp(program[0], program)  # noqa: S606 -- argv from the supervisor, no shell


if __name__ == "__main__":
    main()
