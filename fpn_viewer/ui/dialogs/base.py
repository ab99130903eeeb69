"""What all dialogs share: they do not block, they take their memory with them, and Esc closes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout

if TYPE_CHECKING:
    from PySide6.QtWidgets import QPushButton, QWidget


class SmallDialog(QDialog):
    """A dialog with a column of widgets above a Close button, deleted when it closes."""

    def __init__(self, title: str, parent: QWidget) -> None:
        """Makes an empty dialog.

        Args:
            title: Its window title.
            parent: The window it belongs to.
        """
        super().__init__(parent)
        self.setWindowTitle(title)
        # Cyclic widgets that die on the worker's collector would crash Qt; a closed dialog must not wait for it.
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(16, 16, 16, 12)
        self.column.setSpacing(12)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        # Qt's own cross is of another line weight than the program's icons.
        self.buttons.button(QDialogButtonBox.StandardButton.Close).setIcon(QIcon())
        self.buttons.rejected.connect(self.reject)

    def add_button(self, text: str) -> QPushButton:
        """Adds a button left of Close."""
        return self.buttons.addButton(text, QDialogButtonBox.ButtonRole.ActionRole)

    def finish(self) -> None:
        """Puts the buttons below everything else."""
        self.column.addWidget(self.buttons)
