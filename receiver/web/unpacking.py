"""Packed bodies (RFC 9110, 8.4.1): unpacked here, and bounded.

The server, which is told to leave them alone, would answer a bad one in no words of ours.
"""

import zlib

CODINGS = ("gzip", "deflate")
_EITHER = zlib.MAX_WBITS | 32
"""By what the first bytes say."""


class PackedError(Exception):
    """A body that is not packed as it says."""


class TooLargeError(Exception):
    """A body that is larger than it may be."""


def unpack(body: bytes, most: int) -> bytes:
    """Return what was packed by gzip or deflate, up to `most` bytes.

    Raises PackedError and TooLargeError.
    """
    work = zlib.decompressobj(_EITHER)
    try:
        plain = work.decompress(body, most + 1)
    except zlib.error as error:
        raise PackedError(str(error)) from error
    if len(plain) > most:
        raise TooLargeError
    if not work.eof or work.unused_data:
        raise PackedError("it is cut off, or something follows it")
    return plain
