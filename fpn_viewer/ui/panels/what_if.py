"""What would become of the asked object under other settings and gains: a light, remedies, sliders, and what is in force."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QRectF, QSize, Qt, Slot
from PySide6.QtGui import QGuiApplication, QPainter
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from fpn_viewer.core.imaging.colours import level_colour
from fpn_viewer.ui.panels.light import Light, read
from fpn_viewer.ui.panels.remedies import RemedyList
from fpn_viewer.ui.panels.what_if_rows import ValueRow, note
from fpn_viewer.ui.panels.what_if_settings import INPUT, SCALES, SELECTION, SETTINGS, gain_terms, setting_tip, settings_of
from fpn_viewer.ui.panels.what_if_words import change_words, gain_words, remedy_effect, remedy_title
from fpn_viewer.ui.panels.zoom import Zoom
from fpn_viewer.ui.theme import strip_colour
from fpn_viewer.ui.widgets.copying import copy_action
from fpn_viewer.ui.widgets.fold import Fold

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from fpn_viewer.core.detectors.spec import Settings
    from fpn_viewer.engine.values import DetectorInfo
    from fpn_viewer.ui.panels.what_if_settings import Term, Value
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.question import Question
    from fpn_viewer.viewmodels.what_if import WhatIf, WhatIfState

REMEDIES, GAINS = "Remedies", "Gains"
#: the parts of the panel: heading, what it means, what is said where a detector has nothing for it
SECTIONS: dict[str, tuple[str, str]] = {
    REMEDIES: ("Single changes that bring the object back, each tried, smallest first", ""),
    SELECTION: ("What is kept of the candidates; moving it runs the selection again", "Open a detector first."),
    INPUT: ("The size that the network gets the picture in; moving it runs the whole detector again", "Open a detector first."),
    GAINS: (
        "Factors on the summands of the merged maps; moving one runs the neck and the heads again",
        "This detector's neck has no merged maps.",
    ),
}
NOTHING_MOVED = "The sliders stand where the shown run was made"
NOTHING_CHANGED = "Nothing differs from the detector as it was opened"
NO_DETECTOR = "Open a detector first"
APPLY_TIP = "Run this picture, and those after it, with the sliders' change"
RESET_TIP = "Back to the detector as it was opened, sliders and runs"


class InForce(QWidget):
    """A tinted strip that says what the shown run was made with, and takes it back.

    Attributes:
        label: what it says.
        reset: the button.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes a hidden strip."""
        super().__init__(parent)
        self.label = QLabel(self)
        self.label.setWordWrap(True)
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self.label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.reset = QPushButton("Reset", self)
        self.reset.setToolTip(RESET_TIP)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 6, 12, 6)
        row.setSpacing(8)
        row.addWidget(self.label, 1)
        row.addWidget(self.reset, 0, Qt.AlignmentFlag.AlignTop)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.hide()

    def show_words(self, words: list[str]) -> None:
        """Says what is in force; hides when nothing is."""
        self.label.setText(f"Runs with: {' · '.join(words)}")
        self.setVisible(bool(words))

    def paintEvent(self, event: QPaintEvent) -> None:
        """The ground."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(strip_colour("notice", self.palette()))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(8, 2, -8, -2), 6, 6)
        painter.end()


class WhatIfPanel(QWidget):
    """Sliders that are answered live, the remedies, and what the shown run was made with.

    Attributes:
        light: whether the object would be detected.
        in_force: what the shown run was made with.
        remedies: single changes that help.
        folds: the parts of the panel by heading.
        settings: the sliders of the settings that the detector has, by name.
        gains: the sliders of the neck's terms, by (node, term).
        zoom: runs the object's surroundings.
        apply: runs with the sliders' change.
        reset: back to the detector as it was opened.
    """

    def __init__(self, document: Document, question: Question, what_if: WhatIf, parent: QWidget | None = None) -> None:
        """Makes the panel.

        Args:
            document: the detector and the trace.
            question: the asked object.
            what_if: moved by the sliders, and followed.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._document, self._question, self._what_if = document, question, what_if
        self.settings: dict[str, ValueRow] = {}
        self.gains: dict[Term, ValueRow] = {}
        self._own: Settings | None = None
        self._make()
        self._connect()
        self._detector_changed(document.detector)

    def _make(self) -> None:
        self.light, self.in_force, self.remedies = Light(self), InForce(self), RemedyList()
        self.folds = {title: Fold(title, tip) for title, (tip, _) in SECTIONS.items()}
        self.folds[REMEDIES].body.addWidget(self.remedies)
        self.apply, self.reset = QPushButton("Apply", self), QPushButton("Reset", self)
        self._scroll = _scrolled(list(self.folds.values()))
        foot = QHBoxLayout()
        foot.setContentsMargins(8, 4, 8, 8)
        foot.setSpacing(8)
        foot.addWidget(self.apply, 1)
        foot.addWidget(self.reset, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.light)
        column.addWidget(self.in_force)
        column.addWidget(self._scroll, 1)
        column.addLayout(foot)
        self.addAction(copy_action("Copy what-if", self, self.copy))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

    def _connect(self) -> None:
        what_if = self._what_if
        self.apply.clicked.connect(what_if.apply)
        self.reset.clicked.connect(what_if.reset)
        self.in_force.reset.clicked.connect(what_if.reset)
        self.remedies.try_wanted.connect(what_if.try_remedy)
        self.remedies.apply_wanted.connect(what_if.apply_remedy)
        self.remedies.search_wanted.connect(what_if.search)
        self.remedies.stop_wanted.connect(partial(what_if.stop, "remedies"))
        self._document.detector_changed.connect(self._detector_changed)
        self._document.trace_changed.connect(self._refresh)
        self._question.changed.connect(self._refresh)
        what_if.changed.connect(self._what_if_changed)

    # -- what it shows ----------------------------------------------------------------------------------------------

    def text(self) -> str:
        """Light, change and remedies as lines."""
        state = self._what_if.state
        lines = [self.light.reading.text]
        for title, change in (("Runs with", state.applied), ("Tried", state.change)):
            words = change_words(change, self._own)
            lines += [f"{title}: {' · '.join(words)}"] * bool(words)
        lines += [f"{remedy_title(remedy)}: {remedy_effect(remedy)}" for remedy in state.remedies or ()]
        return "\n".join(lines)

    def copy(self) -> None:
        """Puts it on the clipboard."""
        QGuiApplication.clipboard().setText(self.text())

    def sizeHint(self) -> QSize:
        """As wide as the probe."""
        return QSize(320, 420)

    def minimumSizeHint(self) -> QSize:
        """Room for the light and a slider."""
        return QSize(240, 200)

    # -- the sliders ------------------------------------------------------------------------------------------------

    @Slot(object)
    def _detector_changed(self, info: DetectorInfo | None) -> None:
        """Offers what this detector has."""
        self._own = None if info is None else info.spec.settings
        for section in (SELECTION, INPUT, GAINS):
            _empty(self.folds[section])
        self.settings, self.gains = {}, {}
        if info is not None:
            for section in (SELECTION, INPUT):
                self._add_settings(info, section)
            self._add_gains(info)
        for section in (SELECTION, INPUT, GAINS):
            if not self.folds[section].body.count():
                self.folds[section].body.addWidget(note(SECTIONS[section][1] if info is not None else f"{NO_DETECTOR}."))
        self.zoom = Zoom()
        self.zoom.wanted.connect(self._what_if.zoom)
        self.folds[INPUT].body.addWidget(self.zoom)
        self._refresh()

    def _add_settings(self, info: DetectorInfo, section: str) -> None:
        for name in settings_of(info.spec.kind, section):
            row = SETTINGS[name]
            tip = setting_tip(name, info.spec.kind)
            slider = ValueRow(row.title, tip, SCALES[row.scale], getattr(info.spec.settings, name))
            slider.moved.connect(partial(self._what_if.set_setting, name))
            self.settings[name] = slider
            self.folds[section].body.addWidget(slider)

    def _add_gains(self, info: DetectorInfo) -> None:
        for term in gain_terms(info.graph):
            tip = f"Factor on the {term[1]} summand of {term[0]}; 1 is the model as it is, 0 cuts the summand."
            slider = ValueRow(gain_words(term), tip, SCALES["gain"], 1.0, level_colour(term[0]))
            slider.moved.connect(partial(self._what_if.set_gain, term))
            self.gains[term] = slider
            self.folds[GAINS].body.addWidget(slider)

    # -- events -----------------------------------------------------------------------------------------------------

    @Slot(object, object)
    def _what_if_changed(self, _: WhatIfState, names: frozenset[str]) -> None:
        if names - {"curves", "sweeping"}:
            self._refresh()

    def _refresh(self, *_: object) -> None:
        state, question = self._what_if.state, self._question.state
        self.light.show_reading(read(self._document.trace, question, state), state.waiting)
        self.in_force.show_words(change_words(state.applied, self._own))
        self.remedies.show_state(question, state)
        self.zoom.show_state(question, state)
        self._show_sliders(state)
        self._show_buttons(state)

    def _show_sliders(self, state: WhatIfState) -> None:
        for name, row in self.settings.items():
            row.show_value(cast("Value", state.change.settings.get(name, getattr(self._own, name))))
        for term, row in self.gains.items():
            row.show_value(state.change.gains.get(term, 1.0))
        found = len(state.remedies or ())
        self.folds[REMEDIES].set_note(str(found) if found else "")
        for section, moved in self._moved(state).items():
            self.folds[section].set_note(f"{moved} moved" if moved else "")

    def _moved(self, state: WhatIfState) -> dict[str, int]:
        settings = [SETTINGS[name].section for name in state.change.settings if name in SETTINGS]
        return {SELECTION: settings.count(SELECTION), INPUT: settings.count(INPUT), GAINS: len(state.change.gains)}

    def _show_buttons(self, state: WhatIfState) -> None:
        moved, changed = state.change != state.applied, bool(state.change or state.applied)
        for button, could, tip, why in (
            (self.apply, moved, APPLY_TIP, NOTHING_MOVED),
            (self.reset, changed, RESET_TIP, NOTHING_CHANGED),
        ):
            button.setEnabled(could and self._own is not None)
            button.setToolTip(NO_DETECTOR if self._own is None else tip if could else why)


def _scrolled(parts: list[Fold]) -> QScrollArea:
    """The parts one above the other, to be scrolled up and down only."""
    inside = QWidget()
    column = QVBoxLayout(inside)
    column.setContentsMargins(0, 4, 0, 4)
    column.setSpacing(4)
    for part in parts:
        column.addWidget(part)
    column.addStretch(1)
    area = QScrollArea()
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(inside)
    return area


def _empty(fold: Fold) -> None:
    while (item := fold.body.takeAt(0)) is not None:
        if (widget := item.widget()) is not None:
            widget.hide()
            widget.deleteLater()
