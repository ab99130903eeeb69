"""A cache that is limited by bytes, because a trace may be a hundred times another's size."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

K = TypeVar("K", bound="Hashable")
V = TypeVar("V")


class ByteCache(Generic[K, V]):
    """Keeps the most recently used values within a budget of bytes. Safe from any thread.

    The newest value stays even when it alone exceeds the budget: it is the one on the screen.
    """

    def __init__(self, budget: int, size_of: Callable[[V], int]) -> None:
        """Make an empty cache.

        Args:
            budget: Bytes the values may take together.
            size_of: The bytes of a value; asked once, when it is put.
        """
        self._budget = budget
        self._size_of = size_of
        self._items: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def bytes(self) -> int:
        """Bytes of all values together."""
        return self._bytes

    @property
    def budget(self) -> int:
        """Bytes the values may take together; a smaller one evicts at once."""
        return self._budget

    @budget.setter
    def budget(self, budget: int) -> None:
        with self._lock:
            self._budget = budget
            self._evict()

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, key: K) -> bool:
        return key in self._items

    def get(self, key: K) -> V | None:
        """Return a value and count it as used; None when it is not here."""
        with self._lock:
            if key not in self._items:
                return None
            self._items.move_to_end(key)
            return self._items[key][0]

    def put(self, key: K, value: V) -> bool:
        """Keep a value, replacing the key's older one, and evict the least recently used beyond the budget.

        Returns:
            Whether any was evicted.
        """
        size = self._size_of(value)
        with self._lock:
            self._remove(key)
            self._items[key] = (value, size)
            self._bytes += size
            there = len(self._items)
            self._evict()
            return len(self._items) < there

    def pop(self, key: K) -> V | None:
        """Take a value out; None when it is not here."""
        with self._lock:
            return self._remove(key)

    def clear(self) -> None:
        """Forget all values."""
        with self._lock:
            self._items.clear()
            self._bytes = 0

    def _remove(self, key: K) -> V | None:
        value, size = self._items.pop(key, (None, 0))
        self._bytes -= size
        return value

    def _evict(self) -> None:
        while self._bytes > self._budget and len(self._items) > 1:
            _, (_, size) = self._items.popitem(last=False)
            self._bytes -= size
