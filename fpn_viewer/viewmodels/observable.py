"""State as a frozen dataclass and one signal that says what changed."""

from __future__ import annotations

import dataclasses
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QObject, Signal

State = TypeVar("State")


class Observable(QObject, Generic[State]):
    """Holds a frozen dataclass; widgets call `update` and repaint from `changed`.

    Signals:
        changed(state, names): the new state and the frozenset of the fields that differ from before.
    """

    changed = Signal(object, object)

    def __init__(self, state: State, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state

    @property
    def state(self) -> State:
        """The state now."""
        return self._state

    def update(self, **values: Any) -> None:
        """Replaces fields; says nothing when none of them differs."""
        names = frozenset(name for name, value in values.items() if _differs(getattr(self._state, name), value))
        if not names:
            return
        self._state = dataclasses.replace(self._state, **values)  # type: ignore[type-var]
        self.changed.emit(self._state, names)


def _differs(before: object, after: object) -> bool:
    try:
        return bool(before != after)
    except ValueError:
        # values that hold arrays cannot be compared as a whole: one that was made again is news
        return True
