"""Remedies: single changes that bring the object back, each tried, smallest first; and the search for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter, QPalette
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from fpn_viewer.engine.object_values import REMEDY_ROUNDS
from fpn_viewer.ui.panels.probe_paint import tabular
from fpn_viewer.ui.panels.what_if_rows import note
from fpn_viewer.ui.panels.what_if_words import remedy_effect, remedy_title
from fpn_viewer.ui.widgets.texts import StripedBadge

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from fpn_viewer.core.analysis.line import Remedy
    from fpn_viewer.viewmodels.question import QuestionState
    from fpn_viewer.viewmodels.what_if import WhatIfState

NOTHING_ASKED = "Ask about an object first."
NOT_LOOKED = "Not looked for yet."
STOPPED = "The search was stopped; there may be more."
IS_DETECTED = "The object is detected: nothing has to be mended."
NOTHING_HELPS = "Nothing single brings it back: no setting and no gain, changed alone, makes the detector find it."
NEEDS_TRAINING = "needs training"
SEARCHING = "Looking for remedies"
_STEPS = 1000


class RemedyRow(QWidget):
    """One remedy with its buttons.

    Attributes:
        remedy: what it shows.
        try_it: puts the sliders there; None where that needs training.
        apply: runs with it; None where that needs training.

    Signals:
        try_wanted(remedy): "Try" was pressed.
        apply_wanted(remedy): "Apply" was pressed.
    """

    try_wanted = Signal(object)
    apply_wanted = Signal(object)

    def __init__(self, remedy: Remedy, parent: QWidget | None = None) -> None:
        """Makes the row."""
        super().__init__(parent)
        self.remedy = remedy
        self.try_it: QToolButton | None = None
        self.apply: QToolButton | None = None
        title = QLabel(remedy_title(remedy), self)
        title.setWordWrap(True)
        title.setTextFormat(Qt.TextFormat.PlainText)
        title.setFont(tabular(title.font(), bold=True))
        effect = note(remedy_effect(remedy), self)
        effect.setFont(tabular(effect.font()))
        for label in (title, effect):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setToolTip(remedy.outcome)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 6, 0, 6)
        grid.setSpacing(4)
        grid.addWidget(title, 0, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(self._buttons(), 0, 1, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(effect, 1, 0, 1, 2)
        grid.setColumnStretch(0, 1)

    def _buttons(self) -> QWidget:
        if self.remedy.retrain:
            badge = StripedBadge(NEEDS_TRAINING, self)
            badge.setToolTip("Worked out from the anchors; the detector would have to be trained with them before it could be run")
            return badge
        group = QWidget(self)
        row = QHBoxLayout(group)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        name = remedy_title(self.remedy)
        self.try_it = _button("Try", f"Put the sliders there: {name}")
        self.apply = _button("Apply", f"Run this picture, and those after it, with {name}")
        self.try_it.clicked.connect(self._try)
        self.apply.clicked.connect(self._apply)
        for button in (self.try_it, self.apply):
            row.addWidget(button)
        return group

    def _try(self) -> None:
        self.try_wanted.emit(self.remedy)

    def _apply(self) -> None:
        self.apply_wanted.emit(self.remedy)

    def paintEvent(self, event: QPaintEvent) -> None:
        """A line under the row."""
        painter = QPainter(self)
        painter.setPen(self.palette().color(QPalette.ColorRole.Mid))
        painter.drawLine(self.rect().bottomLeft(), self.rect().bottomRight())
        painter.end()


class RemedyList(QWidget):
    """What was found, or how far the search is, or why there is nothing.

    Attributes:
        rows: the remedies, smallest first.
        button: "Stop" while it is searched, "Look for remedies" while it is not and could be.
        sentence: what is said where there is no row.
        progress: of the search.

    Signals:
        try_wanted(remedy): put the sliders there.
        apply_wanted(remedy): run with it.
        search_wanted(): look for remedies.
        stop_wanted(): stop looking.
    """

    try_wanted = Signal(object)
    apply_wanted = Signal(object)
    search_wanted = Signal()
    stop_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes an empty list."""
        super().__init__(parent)
        self.rows: tuple[RemedyRow, ...] = ()
        self._shown: tuple[Remedy, ...] = ()
        self._searching = False
        self.sentence = note("", self)
        self.progress = QProgressBar(self)
        self.progress.setRange(0, _STEPS)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(8)
        self.button = _button("", "")
        self.button.clicked.connect(self._pressed)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.sentence, 1)
        line.addWidget(self.button, 0, Qt.AlignmentFlag.AlignTop)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._column.addLayout(line)
        self._column.addWidget(self.progress)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def show_state(self, question: QuestionState, state: WhatIfState) -> None:
        """Follows what is known."""
        self._searching = state.searching
        self._show_rows(state.remedies or ())
        sentence = _sentence(question, state)
        could = question.line is not None and question.line.detection is None and state.looked < len(REMEDY_ROUNDS)
        self.sentence.setText(sentence)
        self.sentence.setVisible(bool(sentence))
        self.progress.setVisible(state.searching)
        self.progress.setValue(round(_STEPS * state.progress.get("remedies", ("", 0.0))[1]))
        self.button.setVisible(state.searching or could)
        self.button.setText("Stop" if state.searching else "Look")
        self.button.setToolTip("Stop looking for remedies" if state.searching else "Try single changes until the object is found")

    def _show_rows(self, remedies: tuple[Remedy, ...]) -> None:
        if remedies == self._shown:
            return
        for row in self.rows:
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._shown = remedies
        self.rows = tuple(RemedyRow(remedy, self) for remedy in remedies)
        for row in self.rows:
            row.try_wanted.connect(self.try_wanted)
            row.apply_wanted.connect(self.apply_wanted)
            self._column.addWidget(row)

    def _pressed(self) -> None:
        (self.stop_wanted if self._searching else self.search_wanted).emit()


def _sentence(question: QuestionState, state: WhatIfState) -> str:
    if question.asked is None or question.line is None:
        return NOTHING_ASKED if question.asked is None else ""
    if state.searching:
        stage = state.progress.get("remedies", ("", 0.0))[0]
        # one line, whatever is tried: the rows below it would jump
        return f"{stage[:1].upper()}{stage[1:]} …" if stage else f"{SEARCHING} …"
    if state.trouble and state.troubled == "remedies":
        return state.trouble
    if question.line.detection is not None:
        return IS_DETECTED
    if state.looked < len(REMEDY_ROUNDS):
        return NOT_LOOKED if state.remedies is None else STOPPED
    return "" if state.remedies else NOTHING_HELPS


def _button(text: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tip)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return button
