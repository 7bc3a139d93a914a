"""What memory costs: the time to look for garbage, and what a storm leaves behind."""

import asyncio
import ctypes
import gc

_ARENA_MAX = -8
"""The name of a setting in glibc's malloc.h."""
_ARENAS = 2
"""By itself each thread has one, and each keeps what its largest webhook took."""
_PERIOD = 10.0
_YOUNG = 5_000
"""Objects after which cycles, which are few, are looked for; a webhook alone makes hundreds."""


def look_less() -> None:
    """Look for cycles of garbage less often, and never among what was imported."""
    gc.freeze()
    gc.set_threshold(_YOUNG)


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
