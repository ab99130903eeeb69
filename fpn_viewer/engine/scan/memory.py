"""Memory of one forward that the next one takes over, where the C library lets it.

glibc hands every large block back to the system and takes a fresh one, which the system fills with zeros first: of a forward on
the CPU that is a tenth, of one with blocks beyond 64 MiB a quarter. And it gives every thread a heap of its own, which keeps what
no other one can use.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from fpn_viewer.engine.memory import c_library, give_back

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Iterator

#: glibc's numbers of what is set, from its malloc.h
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
#: no block is too large to be kept; threads that start from now on get no heap of their own
_KEPT: dict[int, int] = {_MMAP_THRESHOLD: 1 << 30, _TRIM_THRESHOLD: (1 << 31) - 1, _ARENA_MAX: 1}
#: where glibc itself arrives once blocks of such sizes were used; of heaps it is told once only
_GIVEN_BACK: dict[int, int] = {_MMAP_THRESHOLD: 32 << 20, _TRIM_THRESHOLD: 64 << 20}


@contextmanager
def kept_memory() -> Iterator[None]:
    """Large blocks that are let go of stay at hand during the block, and go back to the system behind it."""
    library = c_library()
    if library is None:
        yield
        return
    _set(library, _KEPT)
    try:
        yield
    finally:
        _set(library, _GIVEN_BACK)
        give_back()


def _set(library: ctypes.CDLL, values: dict[int, int]) -> None:
    for name, value in values.items():
        library.mallopt(name, value)
