"""The action that shows and hides one layer of a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget


def layer_action(owner: QWidget, name: str, key: str, text: str, on: bool, toggled: Callable[[bool], None]) -> QAction:
    """A checkable action of a tab, whose key works while the focus is in the tab.

    Args:
        owner: the tab; a bound method of it is `toggled`.
        name: of the layer.
        key: as Qt writes it: "D".
        text: what the layer is.
        on: whether it is shown now.
        toggled: told whether it is to be shown.
    """
    action = QAction(text, owner)
    action.setCheckable(True)
    action.setChecked(on)
    action.setShortcut(QKeySequence(key))
    action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
    action.setObjectName(name)
    action.toggled.connect(toggled)
    owner.addAction(action)
    return action
