"""What the detector makes of an object when only its surroundings are run: is it the size, or the look?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from fpn_viewer.core.numbers import significant
from fpn_viewer.ui.panels.what_if_rows import note

if TYPE_CHECKING:
    from fpn_viewer.engine.object_values import ZoomFound
    from fpn_viewer.viewmodels.question import QuestionState
    from fpn_viewer.viewmodels.what_if import WhatIfState

ZOOM_TIP = "Run the detector over the object and two of its sides around it, which then fill the network's input"
NOTHING_ASKED = "Ask about an object first."
RUNNING = "Running the surroundings …"


class Zoom(QWidget):
    """A button and what came of it.

    Attributes:
        button: runs the surroundings.
        sentence: what became of the object there.

    Signals:
        wanted(): the button was pressed.
    """

    wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes the row."""
        super().__init__(parent)
        self.button = QPushButton("Zoom in on the object", self)
        self.button.clicked.connect(self.wanted)
        self.sentence = note("", self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.button)
        column.addWidget(self.sentence)

    def show_state(self, question: QuestionState, state: WhatIfState) -> None:
        """Follows what is known."""
        asked = question.asked is not None and question.line is not None
        self.button.setEnabled(asked and not state.zooming)
        self.button.setToolTip(ZOOM_TIP if asked else NOTHING_ASKED)
        text = zoom_text(state)
        self.sentence.setText(text)
        self.sentence.setVisible(bool(text))


def zoom_text(state: WhatIfState) -> str:
    """What is to be read under the button; "" before it was pressed."""
    if state.zooming:
        return RUNNING
    if state.trouble and state.troubled == "zoom":
        return state.trouble
    return _found(state.zoomed) if state.zoomed is not None else ""


def _found(zoomed: ZoomFound) -> str:
    x0, y0, x1, y1 = zoomed.region_img
    where = (
        f"In {x1 - x0:.0f}×{y1 - y0:.0f} px around it the object is {significant(zoomed.larger, 2)} times as large in the network "
        f"({significant(zoomed.side, 3)} net px): "
    )
    if zoomed.line.detection is not None:
        return f"{where}found with score {significant(zoomed.score, 3)}, IoU {significant(zoomed.iou, 3)}."
    return f"{where}still missed at {zoomed.line.killer}."
