"""Gives the system back what a storm took."""

import asyncio
import ctypes

_ARENA_MAX = -8
"""The name of a setting in glibc's malloc.h."""
_ARENAS = 2
"""By itself each thread has one, and each keeps what its largest webhook took."""
_PERIOD = 10.0


async def give_back() -> None:
    """Go on until cancelled. A C library other than glibc is left alone.

    By itself glibc keeps what is free below anything that is still in use.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "malloc_trim"):
        return
    library.mallopt(_ARENA_MAX, _ARENAS)
    while True:
        await asyncio.sleep(_PERIOD)
        await asyncio.to_thread(library.malloc_trim, 0)
