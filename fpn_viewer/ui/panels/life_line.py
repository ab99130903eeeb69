"""The life line panel: an object's way through the detector, stage by stage, as in a debugger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QRect, Qt, QTimer, Slot
from PySide6.QtGui import QAction, QGuiApplication, QPalette
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from fpn_viewer.ui.icons import icon
from fpn_viewer.ui.panels.life_copy import copied_line, copied_stage
from fpn_viewer.ui.panels.life_list import LifeHeader, LifeList
from fpn_viewer.ui.panels.life_parts import CropView, OutcomeChip, Section
from fpn_viewer.ui.panels.life_texts import (
    MECHANISMS_TIP,
    TIDE_TIP,
    further_factors,
    headline,
    other_names,
    side_text,
    size_facts,
    training_facts,
)
from fpn_viewer.ui.panels.probe_paint import MARGIN, tabular
from fpn_viewer.ui.widgets.copying import copy_action
from fpn_viewer.ui.widgets.texts import ElidedLabel

if TYPE_CHECKING:
    from fpn_viewer.core.analysis.line import LifeLine
    from fpn_viewer.core.geometry import Box
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.objects import Objects, ObjectsState
    from fpn_viewer.viewmodels.question import Question, QuestionState

NOTHING = (
    "Which object?\n\nClick one on the picture or in the list of objects, press M for the next one that was missed, "
    "or press B and drag a box around anything."
)
NO_TRACE = "Nothing to follow yet.\nRun the detector with F5."
RUNNING = "The detector is running …"
FOLLOWING = "Following the object …"
ANY_CLASS = "any class"
#: the life line before stays this long while the next is awaited, so that stepping through objects does not flicker, ms
PATIENCE_MS = 150


class LifeLinePanel(QWidget):
    """Who is asked about, the verdict, the stages with their deciding numbers, and what sizes and training had to do with it."""

    def __init__(self, document: Document, question: Question, objects: Objects, parent: QWidget | None = None) -> None:
        """Makes the panel.

        Args:
            document: brings picture, detector and trace.
            question: what is asked, and its answer.
            objects: names of annotated objects.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._document, self._question, self._objects = document, question, objects
        self._make_head()
        self._make_body()
        self._lay_out()
        self._make_actions()
        self._waiting = QTimer(self, singleShot=True, interval=PATIENCE_MS)
        self._waiting.timeout.connect(self._show_hint)
        # the page grows only once the events that are due are handled
        self._following = QTimer(self, singleShot=True, interval=0)
        self._following.timeout.connect(self._follow)
        self._connect()
        self._draw_icons()
        self._show_classes()
        self._show_all()

    def copy(self) -> None:
        """Puts the whole life line on the clipboard, as Markdown."""
        line = self._question.state.line
        if line is not None:
            QGuiApplication.clipboard().setText(copied_line(line, self._document.trace))

    def copy_stage(self) -> None:
        """Puts the current stage on the clipboard."""
        line = self._question.state.line
        name = self.rows.stage_at(self.rows.currentIndex())
        if line is not None and name:
            QGuiApplication.clipboard().setText(copied_stage(line.stage(name), line, self._document.trace))

    def changeEvent(self, event: QEvent) -> None:
        """Follows the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._draw_icons()
            self._show_line()

    # -- widgets ----------------------------------------------------------------------------------------------------

    def _make_head(self) -> None:
        self.crop = CropView(self)
        self.title = ElidedLabel(parent=self)
        self.title.setFont(tabular(self.font(), bold=True))
        self.classes = QComboBox(self)
        self.classes.setToolTip("What the drawn box is of: a detection of any class counts, or only of one")
        self.classes.setAccessibleName("Class of the drawn box")
        self.classes.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.classes.setMinimumContentsLength(6)
        self.chip = OutcomeChip(self)
        self.copying = QToolButton(self, autoRaise=True)
        self.copying.setToolTip("Copy the whole life line as text, for an issue tracker (Ctrl+C)")
        self.copying.setAccessibleName("Copy the life line")

    def _make_body(self) -> None:
        self.verdict = _words(self)
        self.verdict.setFont(tabular(self.font(), bold=True))
        self.reason = _words(self)
        self.names = _words(self, muted=True)
        self.names.setToolTip(f"{MECHANISMS_TIP}\n\n{TIDE_TIP}")
        self.names.setFont(tabular(self.font(), -1))
        self.factors = _words(self, muted=True)
        self.factors.setFont(tabular(self.font(), -1))
        self.factors.setToolTip("What else made it harder for this object")
        self.rows = LifeList(self)
        self.header = LifeHeader(self.rows, self)
        self.sizes = Section("Sizes", "The object in px of the picture, in px that the network sees, and in cells of every level")
        self.training = Section("Training", "What torchvision's training would do with this object beside the picture's others")

    def _lay_out(self) -> None:
        self._hint = QLabel(self, alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        self._hint.setObjectName("hint")
        self._hint.setTextFormat(Qt.TextFormat.PlainText)
        self._hint.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._hint.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self._hint.setContentsMargins(16, 16, 16, 16)
        self._scroll = QScrollArea(self, widgetResizable=True)
        self._scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._page = QWidget()
        self._fill_page()
        self._scroll.setWidget(self._page)
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self._hint)
        self._pages.addWidget(self._scroll)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self._head_row())
        column.addWidget(self._pages, 1)

    def _head_row(self) -> QWidget:
        self._head = QWidget(self)
        names = QVBoxLayout()
        names.setSpacing(2)
        names.addWidget(self.title)
        # aligned, because a widget of fixed width would set the width of the whole column
        names.addWidget(self.classes, 0, Qt.AlignmentFlag.AlignLeft)
        names.addWidget(self.chip, 0, Qt.AlignmentFlag.AlignLeft)
        names.addStretch()
        row = QHBoxLayout(self._head)
        row.setContentsMargins(MARGIN, 6, 4, 0)
        row.setSpacing(8)
        row.addLayout(_on_top(self.crop))
        row.addLayout(names, 1)
        row.addLayout(_on_top(self.copying))
        return self._head

    def _fill_page(self) -> None:
        words = QVBoxLayout()
        words.setContentsMargins(MARGIN, 0, MARGIN, 4)
        words.setSpacing(4)
        for label in (self.verdict, self.reason, self.names, self.factors):
            words.addWidget(label)
        column = QVBoxLayout(self._page)
        column.setContentsMargins(0, 0, 0, 8)
        column.setSpacing(0)
        column.addLayout(words)
        column.addWidget(self.header)
        column.addWidget(self.rows)
        column.addSpacing(8)
        column.addWidget(self.sizes)
        column.addSpacing(4)
        column.addWidget(self.training)
        column.addStretch()

    def _make_actions(self) -> None:
        self.addAction(copy_action("&Copy life line", self, self.copy))
        stage = QAction("Copy this &stage", self)
        stage.triggered.connect(self.copy_stage)
        self.rows.addAction(stage)
        self.rows.addActions(self.actions())
        self.rows.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

    def _connect(self) -> None:
        self._question.changed.connect(self._asked)
        self._objects.changed.connect(self._objects_changed)
        self._document.trace_changed.connect(self._show_all)
        self._document.picture_changed.connect(self._show_title)
        self._document.state_changed.connect(self._refresh_hint)
        self._document.detector_changed.connect(self._show_classes)
        self.rows.stepped.connect(self._question.look_at)
        self.rows.toggled.connect(self._toggle)
        self.rows.moved.connect(self._following.start)
        self.classes.activated.connect(self._choose_class)
        self.copying.clicked.connect(self.copy)

    # -- what changes -----------------------------------------------------------------------------------------------

    @Slot(object, object)
    def _asked(self, state: QuestionState, names: frozenset[str]) -> None:
        if names & {"asked", "line", "trouble"}:
            self._show_all()
        if "stage" in names:
            self.rows.open(state.stage)

    @Slot(object, object)
    def _objects_changed(self, _: ObjectsState, names: frozenset[str]) -> None:
        if names & {"rows", "labels"}:
            self._show_title()

    @Slot(object)
    def _toggle(self, stage: str) -> None:
        self._question.look_at("" if stage == self._question.state.stage else stage)

    @Slot()
    def _follow(self) -> None:
        """Scrolls to the opened row; its top when it is higher than the panel."""
        rect = self.rows.visualRect(self.rows.currentIndex())
        place = QRect(self.rows.mapTo(self._page, rect.topLeft()), rect.size())
        self._scroll.ensureVisible(0, place.bottom(), 0, 4)
        self._scroll.ensureVisible(0, place.top(), 0, 4)

    @Slot(int)
    def _choose_class(self, _: int) -> None:
        self._question.set_label(self.classes.currentData())

    # -- showing ----------------------------------------------------------------------------------------------------

    @Slot()
    def _show_all(self, _: object = None) -> None:
        self._show_title()
        state = self._question.state
        if state.line is not None and not state.trouble:
            self._waiting.stop()
            self._show_line()
        elif self._is_awaited():
            self.copying.setEnabled(False)
            if not self._waiting.isActive():
                self._waiting.start()
        else:
            self._waiting.stop()
            self._show_hint()

    def _is_awaited(self) -> bool:
        state = self._question.state
        shown = self._pages.currentWidget() is self._scroll
        return shown and state.asked is not None and not state.trouble and self._document.trace is not None

    @Slot()
    def _refresh_hint(self, _: object = None) -> None:
        if self._pages.currentWidget() is self._hint:
            self._show_hint()

    @Slot()
    def _show_hint(self) -> None:
        self._hint.setText(self._why_empty())
        self._pages.setCurrentWidget(self._hint)
        self.chip.hide()
        self.copying.setEnabled(False)

    def _why_empty(self) -> str:
        state = self._question.state
        if state.trouble:
            return state.trouble
        if state.asked is None:
            return NOTHING
        if self._document.trace is None:
            return RUNNING if self._document.run_state.kind in ("running", "opening", "loading") else NO_TRACE
        return FOLLOWING

    def _show_line(self) -> None:
        line = self._question.state.line
        if line is None:
            return
        trace = self._document.trace
        self.chip.show_outcome(line.outcome)
        self.chip.show()
        verdict, reason = headline(line)
        self.verdict.setText(verdict)
        _show_words(self.reason, reason)
        _show_words(self.names, other_names(line))
        _show_words(self.factors, further_factors(line))
        self.rows.show_line(line, trace.spec.class_names if trace is not None else ())
        self.rows.open(self._question.state.stage)
        self.header.update()
        self._show_sections(line)
        self.copying.setEnabled(True)
        self._pages.setCurrentWidget(self._scroll)

    def _show_sections(self, line: LifeLine) -> None:
        self.sizes.show_facts(size_facts(line.sizes), line.sizes.sentence)
        self.training.setVisible(line.training is not None)
        if line.training is not None:
            self.training.show_facts(training_facts(line.training), line.training.sentence)

    @Slot()
    def _show_title(self, _: object = None) -> None:
        asked, picture = self._question.state.asked, self._document.picture
        self._head.setVisible(asked is not None)
        if asked is None:
            return
        drawn = asked.index < 0
        size = _size(asked.box_img)
        self.title.set_text(f"drawn box · {size}" if drawn else f"{self._name(asked.index)} · {size}", _place(asked.box_img))
        self.classes.setVisible(drawn)
        self.classes.setCurrentIndex(max(0, self.classes.findData(asked.label)))
        self.crop.show_crop(None if picture is None else picture.picture.pixels, asked.box_img)

    def _name(self, index: int) -> str:
        rows = self._objects.state.rows
        return rows[index].name if index < len(rows) else "object"

    @Slot()
    def _show_classes(self, _: object = None) -> None:
        self.classes.clear()
        self.classes.addItem(ANY_CLASS, None)
        detector = self._document.detector
        for label, name in enumerate(() if detector is None else detector.spec.class_names):
            if label or "background" not in name.lower():
                self.classes.addItem(name, label)
        self._show_title()

    def _draw_icons(self) -> None:
        self.copying.setIcon(icon("copy", self.palette()))


def _words(parent: QWidget, muted: bool = False) -> QLabel:
    label = QLabel(parent, wordWrap=True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    if muted:
        label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    return label


def _on_top(widget: QWidget) -> QVBoxLayout:
    column = QVBoxLayout()
    column.addWidget(widget)
    column.addStretch()
    return column


def _show_words(label: QLabel, text: str) -> None:
    label.setText(text)
    label.setVisible(bool(text))


def _size(box: Box) -> str:
    return side_text((box[3] - box[1], box[2] - box[0]), "px")


def _place(box: Box) -> str:
    return f"x {box[0]:g} to {box[2]:g}, y {box[1]:g} to {box[3]:g} px of the picture"
