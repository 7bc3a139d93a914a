"""Gives memory back to the system once a storm is over."""

import ctypes

_TRIM_THRESHOLD, _ARENA_MAX = -1, -8
"""Names of settings in glibc's malloc.h."""
_KEPT = 4 * 2**20
"""Bytes of freed memory that are kept at the end of an arena; by itself up to 64 MiB are."""
_ARENAS = 2
"""By itself each thread has an arena, and each keeps what its largest webhook took."""


def keep_little() -> None:
    """Let the C library keep little of what is freed; one that cannot be told is left alone."""
    tell = getattr(ctypes.CDLL(None), "mallopt", None)
    if tell is not None:
        tell(_TRIM_THRESHOLD, _KEPT)
        tell(_ARENA_MAX, _ARENAS)
