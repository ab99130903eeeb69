"""A row of controls that breaks where its page is narrow, so that no page decides how narrow the window may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from fpn_viewer.ui.canvas.flow import FlowLayout

if TYPE_CHECKING:
    from collections.abc import Iterable


class FlowRow(QWidget):
    """Widgets from left to right, then from top to bottom; hidden ones take no place."""

    def __init__(self, widgets: Iterable[QWidget], parent: QWidget) -> None:
        """Takes the widgets over."""
        super().__init__(parent)
        flow = FlowLayout(self, across=8, down=4)
        flow.setContentsMargins(0, 0, 0, 0)
        for widget in widgets:
            flow.addWidget(widget)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)


def labelled(text: str, control: QWidget, parent: QWidget) -> QWidget:
    """A control with its name before it, which are not torn apart."""
    both = QWidget(parent)
    row = QHBoxLayout(both)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(6)
    label = QLabel(text, both)
    label.setBuddy(control)
    for part in (label, control):
        row.addWidget(part)
    return both
