"""The head of the tab "Scan": one sentence that says the first thing to know, and whose outcomes are meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from fpn_viewer.engine.scan.filters import Filter
from fpn_viewer.engine.scan.words import glance
from fpn_viewer.engine.scan_charts import AskFunnel
from fpn_viewer.ui.scan.looks import DETECTOR_LOOKS
from fpn_viewer.ui.scan.parts import words_label
from fpn_viewer.ui.scan.standing import Standing
from fpn_viewer.ui.scan.texts import about_words, so_far, unknown_words
from fpn_viewer.ui.widgets.naming import named
from fpn_viewer.ui.widgets.texts import ElidedLabel

if TYPE_CHECKING:
    from fpn_viewer.engine.scan.numbers.values import Funnel
    from fpn_viewer.viewmodels.scans import Scans, ScansState

NOBODY = "nothing"


class ScanHead(QWidget):
    """The sentence, what was scanned, and the two detectors that are meant.

    Attributes:
        sentence: the first thing to know.
        facts: what was scanned.
        detector: whose outcomes are meant.
        other: what it is compared with.
    """

    def __init__(self, scans: Scans, parent: QWidget | None = None) -> None:
        """Follows a scan.

        Args:
            scans: the scan.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._scans = scans
        self._glance: Standing[Funnel] = Standing(scans, "glance", self)
        self._offered: tuple[list[str], int] | None = None
        self.sentence, self.facts = words_label(self, large=True), ElidedLabel(parent=self, without=Qt.TextElideMode.ElideRight)
        self.facts.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.detector = named(QComboBox(self), "Detector", "Whose outcomes are shown and listed")
        self.other = named(QComboBox(self), "Compared with", "A second detector of the scan, for flows and differences")
        self._against = QLabel("against", self)
        self._lay_out()
        self._glance.answered.connect(self._say)
        self._glance.failed.connect(self._say)
        self.detector.activated.connect(scans.set_detector)
        self.other.activated.connect(self._choose_other)
        scans.changed.connect(self._follow)
        self._follow(scans.state, frozenset({"about"}))

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        for box in (self.detector, self.other):
            box.setMinimumContentsLength(8)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            box.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        for widget in (self.detector, self._against, self.other):
            row.addWidget(widget)
        row.addSpacing(8)
        row.addWidget(self.facts, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 0)
        column.setSpacing(6)
        column.addWidget(self.sentence)
        column.addLayout(row)

    def _follow(self, state: ScansState, names: frozenset[str]) -> None:
        if state.about is None:
            return
        if names & {"about", "filter", "other"}:
            self._offer(state)
        self._glance.ask(AskFunnel(state.path, Filter(detector=state.filter.detector)))
        self._say()

    def _offer(self, state: ScansState) -> None:
        """The detectors to choose from, each with its letter."""
        assert state.about is not None
        names = [f"{look.letter}  {name}" for look, name in zip(DETECTOR_LOOKS, state.about.detectors, strict=False)]
        with QSignalBlocker(self.detector), QSignalBlocker(self.other):
            # a list that is open stays open while a scan goes on
            if self._offered != (names, state.filter.detector):
                self._fill(names, state.filter.detector)
            self.detector.setCurrentIndex(state.filter.detector)
            self.other.setCurrentIndex(max(0, self.other.findData(state.other)))
        several = len(names) > 1
        self.detector.setEnabled(several)
        for widget in (self._against, self.other):
            widget.setVisible(several)

    def _fill(self, names: list[str], chosen: int) -> None:
        self._offered = (names, chosen)
        self.detector.clear()
        self.other.clear()
        self.other.addItem(NOBODY, None)
        for number, name in enumerate(names):
            self.detector.addItem(name, number)
            if number != chosen:
                self.other.addItem(name, number)

    def _say(self, *_: object) -> None:
        state, funnel = self._scans.state, self._glance.value
        if state.about is None:
            return
        text = glance(funnel) if funnel is not None else self._glance.problem or "Counting …"
        unknown = unknown_words(state.about, state.filter.detector)
        self.sentence.setText(f"{so_far(state.about)}{text}{unknown}")
        facts = about_words(state.about)
        self.facts.set_text(facts, f"{facts}\n{state.path}\nAnnotations: {state.about.annotations}")

    def _choose_other(self) -> None:
        self._scans.set_other(self.other.currentData())
