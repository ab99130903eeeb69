"""Ctrl+C for a panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget


def copy_action(text: str, owner: QWidget, copy: Callable[[], None]) -> QAction:
    """An action with the keys of Copy that works while the focus is in `owner`.

    As an action and not as a key event, because item views answer that key themselves with the text of one cell.

    Args:
        text: for the menu.
        owner: the panel; its child.
        copy: a bound method.
    """
    action = QAction(text, owner)
    action.setShortcut(QKeySequence(QKeySequence.StandardKey.Copy))
    action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
    action.triggered.connect(copy)
    return action
