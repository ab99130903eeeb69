"""The rows of a scan's table: all keys at once, what they say only of those in sight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal

from fpn_viewer.engine.scan_table import ReadRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from fpn_viewer.engine.jobs import Token
    from fpn_viewer.engine.scan_table import FoundKeys, ScanRow, ScanRows

#: rows that are remembered
KEPT = 6_000
#: rows in sight at most, so that a question stays small
MOST = 400
#: rows above and below those in sight that are read with them
AROUND = 30


class Rows(QObject):
    """What the table shows, by row.

    Signals:
        replaced(): other keys, or another order of them.
        filled(): more of the rows can be shown.
    """

    replaced = Signal()
    filled = Signal()

    def __init__(self, ask: Callable[[str, Callable[[Token], object]], None], parent: QObject | None = None) -> None:
        """Empty.

        Args:
            ask: puts a question on a lane of the table; whoever gives it calls `read` with the answer.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._ask = ask
        self._path, self._detector, self._revision = "", 0, 0
        self._keys: NDArray[np.int64] = np.empty(0, np.int64)
        self._lost: NDArray[np.intp] = np.empty(0, np.intp)
        self._known: dict[int, ScanRow] = {}
        self._asked: frozenset[int] = frozenset()
        self._next: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def lost(self) -> NDArray[np.intp]:
        """Rows of the objects that count as lost, ascending."""
        return self._lost

    def key(self, row: int) -> int:
        """The object in a row."""
        return int(self._keys[row])

    def place(self, key: int) -> int | None:
        """The row of an object, or None."""
        found = np.flatnonzero(self._keys == key)
        return int(found[0]) if len(found) else None

    def row(self, row: int) -> ScanRow | None:
        """What a row says; None while it is not read yet, which `need` changes."""
        return self._known.get(int(self._keys[row]))

    def known(self, key: int) -> ScanRow | None:
        """What is said of an object, wherever it stands; None while it is not read yet."""
        return self._known.get(key)

    # -- asking -----------------------------------------------------------------------------------------------------

    def show(self, found: FoundKeys) -> None:
        """Shows other keys. What was read of them stays in view until it is read anew."""
        asked = found.request
        if (asked.path, asked.filter.detector) != (self._path, self._detector):
            self._known.clear()
        self._path, self._detector, self._revision = asked.path, asked.filter.detector, asked.revision
        self._keys, self._lost = found.keys, np.flatnonzero(found.lost)
        self._next = ()
        self.replaced.emit()

    def clear(self) -> None:
        """Shows nothing."""
        self._path = ""
        self._keys, self._lost, self._next = self._keys[:0], self._lost[:0], ()
        self._known.clear()
        self.replaced.emit()

    def need(self, first: int, last: int) -> None:
        """Reads rows that come into sight, and behind them those around."""
        last = min(last, first + MOST)
        around = self._unread(self._keys[max(0, first - AROUND) : last + 1 + AROUND])
        # a few at the end of what is read can wait until there are more
        if len(around) >= AROUND // 2 or self._unread(self._keys[max(0, first) : last + 1]):
            self.need_keys(around)

    def need_keys(self, keys: Iterable[int]) -> None:
        """Reads objects. While some are read, the newest wish waits: rows then appear while a person goes on scrolling."""
        missing = self._unread(keys)
        if not missing:
            return
        if self._asked:
            self._next = missing
            return
        self._asked = frozenset(missing)
        self._ask("page", ReadRows(self._path, self._detector, missing, self._revision))

    def _unread(self, keys: Iterable[int]) -> tuple[int, ...]:
        return tuple(key for key in map(int, keys) if key not in self._known)

    def read(self, answer: ScanRows | None) -> None:
        """Rows were read; None when they could not be."""
        self._asked = frozenset()
        if answer is not None and (answer.path, answer.detector) == (self._path, self._detector):
            self._known.update((row.key, row) for row in answer.rows)
            for key in list(self._known)[: max(0, len(self._known) - KEPT)]:
                del self._known[key]
            self.filled.emit()
        wanted, self._next = self._next, ()
        self.need_keys(wanted)
