"""One process at a time for a file. The system frees the lock of a process that dies, so none is ever left behind."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: s between two looks at whether the other has finished
PATIENCE = 0.1


@contextmanager
def alone(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Holds the lock `path` inside the block; waits for whoever holds it before.

    Args:
        path: a file that is made for this, and removed.
        waiting: called again and again while another holds it; may raise to give up.

    Raises:
        OSError: the file cannot be made.
    """
    while (handle := _held(path)) is None:
        waiting()
        time.sleep(PATIENCE)
    try:
        yield
    finally:
        # Windows does not remove an open file; an empty one that stays does no harm
        with suppress(PermissionError):
            path.unlink()
        os.close(handle)


def _held(path: Path) -> int | None:
    """The open lock file, or None when another process has it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        _lock(handle)
        # whoever had it before may have removed it since it was opened here: the lock would be on a file that nobody else sees
        if os.path.samestat(os.fstat(handle), os.stat(path)):
            return handle
    except (BlockingIOError, PermissionError, FileNotFoundError):
        pass
    os.close(handle)
    return None


def _lock(handle: int) -> None:
    if sys.platform == "win32":
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
