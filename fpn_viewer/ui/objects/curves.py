"""Curves: what becomes of the asked object while its size, or one gain of the neck, is varied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, QSize, Qt
from PySide6.QtGui import QGuiApplication, QPalette
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from fpn_viewer.ui.objects.curve_looks import Legend, as_csv, point_words
from fpn_viewer.ui.panels.what_if_settings import gain_terms
from fpn_viewer.ui.panels.what_if_words import gain_words
from fpn_viewer.ui.widgets.copying import copy_action

if TYPE_CHECKING:
    from PySide6.QtGui import QShowEvent

    from fpn_viewer.core.analysis.curves import Curve
    from fpn_viewer.ui.objects.curve_plot import CurvePlot
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.question import Question, QuestionState
    from fpn_viewer.viewmodels.what_if import WhatIf, WhatIfState

    Term = tuple[str, str]

SIZE = "Size in the network"
NO_TRACE = "Nothing was run yet. Open a picture and a detector, or press F5."
NO_OBJECT = "Click an annotated object, or press B and drag a box around one; then see from which size on the detector finds it."
NO_CURVE = {
    True: "“Make curve” runs the detector over the object at sizes from 4 to 256 net px and shows from which one on it is found.",
    False: "“Make curve” runs the neck and the heads with this gain from 0 to 2 and shows what becomes of the object.",
}
READ = "Point at the curve, or use ← and →, to read its values."
_STEPS = 1000


class CurvesView(QWidget):
    """A chooser, a button that makes the curve, and the curve with what it says.

    Attributes:
        chooser: what is varied.
        make: makes the curve, or stops it.
        copy_button: puts the points on the clipboard as CSV.
        sentence: what the curve says.
        hint: what is said in place of a curve.
        legend: the lines with their names.
        values: those of the point that is read.
        plot: the curve; None until the view was first shown, because pyqtgraph takes a second to import.
    """

    def __init__(self, document: Document, question: Question, what_if: WhatIf, parent: QWidget | None = None) -> None:
        """Makes the view.

        Args:
            document: the trace, whose neck has the gains.
            question: the asked object.
            what_if: makes the curves.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._document, self._question, self._what_if = document, question, what_if
        self.plot: CurvePlot | None = None
        self._drawn: tuple[Curve, float] | None = None
        self._make()
        self._lay_out()
        self.chooser.currentIndexChanged.connect(self._refresh)
        self.make.clicked.connect(self._pressed)
        self.copy_button.clicked.connect(self.copy)
        self.addAction(copy_action("Copy curve as CSV", self, self.copy))
        document.trace_changed.connect(self._trace_changed)
        question.changed.connect(self._question_changed)
        what_if.changed.connect(self._what_if_changed)
        self._trace_changed()

    def _make(self) -> None:
        self.chooser, self.make, self.copy_button = QComboBox(self), QToolButton(self), QToolButton(self)
        self.copy_button.setText("Copy")
        for button in (self.make, self.copy_button):
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        # the names of the terms may be cut where room is short
        self.chooser.setMinimumContentsLength(10)
        self.chooser.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.chooser.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.chooser.setAccessibleName("What is varied")
        self.chooser.setToolTip(
            "What is varied: the size that the network sees the object in (each is a run over the object and what surrounds it), "
            "or the gain on one summand of a merged map"
        )
        self.progress = QProgressBar(self)
        self.progress.setRange(0, _STEPS)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(8)
        self.sentence, self.hint, self.values = _words(self), _words(self), _words(self)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        for muted in (self.hint, self.values):
            muted.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.legend = Legend(self)
        self._canvas = QWidget(self)
        self._pages = QStackedWidget(self)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.chooser)
        head.addWidget(self.make)
        head.addWidget(self.progress, 1)
        head.addStretch(0)
        head.addWidget(self.copy_button)
        inside = QVBoxLayout(self._canvas)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(4)
        for part in (self.sentence, self.legend, self.values):
            inside.addWidget(part)
        for page in (self.hint, self._canvas):
            self._pages.addWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self._pages, 1)

    # -- what it shows ----------------------------------------------------------------------------------------------

    @property
    def term(self) -> Term | None:
        """The gain that is varied, or None for the size."""
        chosen: Term | None = self.chooser.currentData()
        return chosen

    @property
    def curve(self) -> Curve | None:
        """The curve of what is chosen, once it was made."""
        return self._what_if.state.curves.get(self.term)

    def copy(self) -> None:
        """Puts the points on the clipboard as CSV."""
        if self.curve is not None:
            QGuiApplication.clipboard().setText(as_csv(self.curve))

    def sizeHint(self) -> QSize:
        """Room for a curve that can be read."""
        return QSize(520, 300)

    def showEvent(self, event: QShowEvent) -> None:
        """Imports what draws curves when the view is first seen."""
        super().showEvent(event)
        if self.plot is None:
            from fpn_viewer.ui.objects.curve_plot import CurvePlot

            self.plot = CurvePlot(self._canvas)
            self.plot.pointed.connect(self._pointed)
            layout = self._canvas.layout()
            assert isinstance(layout, QVBoxLayout)
            layout.insertWidget(2, self.plot, 1)
        self._refresh()

    # -- events -----------------------------------------------------------------------------------------------------

    def _trace_changed(self, *_: object) -> None:
        """Offers the terms of this trace's neck; the choice stays where it can."""
        chosen, trace = self.term, self._document.trace
        with QSignalBlocker(self.chooser):
            self.chooser.clear()
            self.chooser.addItem(SIZE, None)
            for term in gain_terms(trace.graph) if trace is not None else ():
                self.chooser.addItem(f"Gain: {gain_words(term)}", term)
            rows = [row for row in range(self.chooser.count()) if self.chooser.itemData(row) == chosen]
            self.chooser.setCurrentIndex(rows[0] if rows else 0)
        self._refresh()

    def _question_changed(self, _: QuestionState, names: frozenset[str]) -> None:
        if names & {"asked", "line", "trouble"}:
            self._refresh()

    def _what_if_changed(self, _: WhatIfState, names: frozenset[str]) -> None:
        if names & {"curves", "sweeping", "progress", "trouble"}:
            self._refresh()

    def _pressed(self) -> None:
        if self._what_if.state.sweeping:
            self._what_if.stop("sweep")
        else:
            self._what_if.sweep(self.term)

    def _refresh(self, *_: object) -> None:
        state, curve = self._what_if.state, self.curve
        why = self._why_not()
        self.chooser.setEnabled(self._document.trace is not None)
        self.make.setText("Stop" if state.sweeping else "Make curve")
        self.make.setEnabled(bool(state.sweeping) or not why)
        self.make.setToolTip(why or ("Stop making the curve" if state.sweeping else NO_CURVE[self.term is None]))
        self.progress.setVisible(bool(state.sweeping))
        self.progress.setValue(round(_STEPS * state.progress.get("sweep", ("", 0.0))[1]))
        self.copy_button.setEnabled(curve is not None)
        self.copy_button.setToolTip("Copy the points as CSV (Ctrl+C)" if curve is not None else "There is no curve to copy yet")
        self.hint.setText(why or self._hint())
        self._pages.setCurrentWidget(self.hint if curve is None or why else self._canvas)
        self._show_curve(None if why else curve)

    def _why_not(self) -> str:
        if self._document.trace is None:
            return NO_TRACE
        state = self._question.state
        return "" if state.asked is not None else (state.trouble or NO_OBJECT)

    def _hint(self) -> str:
        state = self._what_if.state
        if state.sweeping:
            stage = state.progress.get("sweep", ("", 0.0))[0]
            return f"Making the curve: {stage}" if stage else "Making the curve …"
        if state.trouble and state.troubled == "sweep":
            return state.trouble
        return NO_CURVE[self.term is None]

    def _show_curve(self, curve: Curve | None) -> None:
        asked = self._question.state.asked
        iou = asked.iou if asked is not None else 0.5
        if self.plot is None or (self._drawn is not None and self._drawn[0] is curve and self._drawn[1] == iou):
            return
        self._drawn = None if curve is None else (curve, iou)
        self.sentence.setText("" if curve is None else curve.sentence)
        self.plot.show_curve(curve, iou)
        self._pointed(None)

    def _pointed(self, row: int | None) -> None:
        curve = self._drawn[0] if self._drawn is not None else None
        self.values.setText(READ if curve is None or row is None else point_words(curve, row))


def _words(parent: QWidget) -> QLabel:
    label = QLabel(parent)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return label
