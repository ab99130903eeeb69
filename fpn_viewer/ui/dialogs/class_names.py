"""A list of class names to paste into, with how many are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from fpn_viewer.ui.widgets.naming import named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpn_viewer.core.annotations.structures import Annotations


class ClassNames(QWidget):
    """One name a line, in the order of the labels.

    Signals:
        edited(names): tuple of str, as it stands.
        reset(): the user wants what the file says.
    """

    edited = Signal(object)
    reset = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes an empty list."""
        super().__init__(parent)
        self._from_annotations: tuple[str, ...] = ()
        self.editor = named(QPlainTextEdit(), "Names of the classes, one a line", "")
        self.editor.setPlaceholderText("One name a line, in the order of the labels; paste a list here")
        self.editor.setTabChangesFocus(True)
        self.editor.textChanged.connect(self._say)
        self.count = QLabel(wordWrap=True)
        self.origin = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.load = QPushButton("From the &annotations")
        self.load.clicked.connect(self._load)
        self.back = QPushButton("&Reset the names")
        self.back.clicked.connect(self.reset)
        for button in (self.load, self.back):
            button.setAutoDefault(False)
        side = QVBoxLayout()
        side.setSpacing(8)
        for widget in (self.count, self.origin, self.load, self.back):
            side.addWidget(widget)
        side.addStretch()
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 12, 8, 8)
        row.setSpacing(16)
        row.addWidget(self.editor, 3)
        row.addLayout(side, 2)
        self.offer(None)

    @property
    def names(self) -> tuple[str, ...]:
        """The names as they stand; empty lines do not count."""
        return tuple(name for line in self.editor.toPlainText().splitlines() if (name := line.strip()))

    def show_names(self, names: Sequence[str]) -> None:
        """Shows names without saying that they were edited."""
        self.editor.blockSignals(True)
        self.editor.setPlainText("\n".join(names))
        self.editor.blockSignals(False)

    def show_count(self, sentence: str, wrong: bool, origin: str, changed: bool) -> None:
        """Says whether the names fit.

        Args:
            sentence: "80 of 80 names".
            wrong: whether they do not.
            origin: where the names in force come from.
            changed: whether they are not what the file says.
        """
        self.count.setText(f"{'✕' if wrong else '✓'} {sentence}")
        self.origin.setText("" if wrong else origin)
        self.back.setVisible(changed or wrong)

    def offer(self, annotations: Annotations | None) -> None:
        """Offers the classes of the annotations that are loaded."""
        self._from_annotations = () if annotations is None else annotations.names
        self.load.setEnabled(bool(self._from_annotations))
        tip = f"The {len(self._from_annotations)} classes of the annotations that are open, in their order"
        self.load.setToolTip(tip if self._from_annotations else "Open annotations with Ctrl+Shift+A first")

    def _say(self) -> None:
        self.edited.emit(self.names)

    def _load(self) -> None:
        self.editor.setPlainText("\n".join(self._from_annotations))
