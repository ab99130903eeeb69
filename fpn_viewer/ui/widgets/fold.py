"""A part of a panel that folds away under its heading."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from fpn_viewer.ui.widgets.texts import ElidedLabel


class Fold(QWidget):
    """A heading that opens and closes what is under it, with a muted note that stays readable when it is closed.

    Attributes:
        heading: the button; a key or a click folds.
        body: layout of what is under it.
    """

    def __init__(self, title: str, tip: str, parent: QWidget | None = None) -> None:
        """Makes an open, empty part.

        Args:
            title: its heading.
            tip: the heading's tooltip.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._open = True
        self.heading = QToolButton(self)
        self.heading.setText(title)
        self.heading.setToolTip(tip)
        self.heading.setAutoRaise(True)
        self.heading.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.heading.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        font = self.heading.font()
        font.setBold(True)
        self.heading.setFont(font)
        self._note = ElidedLabel(parent=self)
        self._note.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self._inside = QWidget(self)
        self._lay_out()
        self.heading.clicked.connect(self.toggle)
        self.set_open(True)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 8, 0)
        head.setSpacing(8)
        head.addWidget(self.heading)
        head.addWidget(self._note, 1)
        self.body = QVBoxLayout(self._inside)
        self.body.setContentsMargins(8, 0, 8, 8)
        self.body.setSpacing(4)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self._inside)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    @property
    def note(self) -> str:
        """What stands beside the heading."""
        return self._note.text()

    def set_note(self, text: str, tip: str = "") -> None:
        """Changes what stands beside the heading."""
        self._note.set_text(text, tip)

    @property
    def is_open(self) -> bool:
        """Whether what is under the heading is shown."""
        return self._open

    def set_open(self, is_open: bool) -> None:
        """Opens or closes it."""
        self._open = is_open
        self.heading.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)
        self.heading.setAccessibleName(f"{self.heading.text()}, {'open' if is_open else 'closed'}")
        self._inside.setVisible(is_open)

    def toggle(self) -> None:
        """Opens it when it is closed, closes it when it is open."""
        self.set_open(not self._open)
