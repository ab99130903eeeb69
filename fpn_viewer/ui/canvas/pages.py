"""The centre while there is no pyramid to show: no picture, or a picture nothing has run over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from fpn_viewer.ui.canvas.map_cell import MapCell

if TYPE_CHECKING:
    from fpn_viewer.ui.canvas.gestures import Gestures
    from fpn_viewer.ui.canvas.scene import Scene
    from fpn_viewer.viewmodels.document import Document

#: what is said under a picture without a trace, by kind of `RunState`
CAPTIONS: dict[str, str] = {
    "loading": "Reading the picture…",
    "opening": "{text}…",
    "running": "Running the detector: {stage} {percent}",
    "cancelled": "Cancelled. Press F5 to run the detector.",
    "failed": "{text}",
}
NO_DETECTOR = "No detector is open. Open a checkpoint with Ctrl+K."
RUN = "Press F5 to run the detector over this picture."


class NoPicture(QWidget):
    """What to do first, and the button that does it.

    Signals:
        open_requested(): the button was pressed.
    """

    open_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes the page."""
        super().__init__(parent)
        title = QLabel("No picture is open", alignment=Qt.AlignmentFlag.AlignCenter)
        font = title.font()
        font.setPointSizeF(font.pointSizeF() * 1.4)
        title.setFont(font)
        text = QLabel("Open pictures, or drop them anywhere in the window,\nto see what the pyramid makes of them.")
        text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.button = QPushButton("Open pictures…")
        self.button.setToolTip("Add pictures to the list (Ctrl+O)")
        self.button.clicked.connect(self.open_requested)
        column = QVBoxLayout(self)
        column.setSpacing(12)
        column.addStretch(2)
        column.addWidget(title)
        column.addWidget(text)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)


class PlainPicture(QWidget):
    """The picture alone, and what is missing to see more.

    Attributes:
        cell: the picture; it pans and zooms as maps do.
        caption: the sentence under it.
    """

    def __init__(self, scene: Scene, gestures: Gestures, parent: QWidget | None = None) -> None:
        """Makes the page.

        Args:
            scene: what all cells share.
            gestures: what events do.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self.cell = MapCell(("", "picture"), "picture", scene, gestures, self)
        self.cell.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.caption = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self.caption.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.cell, 1)
        column.addWidget(self.caption)

    def explain(self, document: Document) -> None:
        """Says why there is no pyramid yet."""
        state = document.run_state
        waiting = RUN if document.detector is not None else NO_DETECTOR
        percent = f"{state.fraction:.0%}" if state.fraction else ""
        self.caption.setText(CAPTIONS.get(state.kind, waiting).format(text=state.text, stage=state.stage, percent=percent).strip())
