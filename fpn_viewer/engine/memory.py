"""Memory that goes back to the system, where the C library lets it."""

from __future__ import annotations

import ctypes
import sys
from functools import cache


@cache
def c_library() -> ctypes.CDLL | None:
    """glibc; None where there is another C library."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None


def give_back() -> None:
    """Hands back what lies free between blocks that are in use.

    glibc keeps it for later blocks, which seldom fit: each trace that is forgotten would leave half a megabyte behind.
    """
    library = c_library()
    if library is not None:
        library.malloc_trim(0)
