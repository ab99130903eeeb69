"""The objects panel: what the annotations say is in the picture, and what the detector made of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication, QPalette
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from fpn_viewer.ui.icons import icon
from fpn_viewer.ui.panels.object_list import ObjectList, count_rows
from fpn_viewer.ui.panels.object_parts import Badge, CountBar, TrapBar
from fpn_viewer.ui.panels.object_texts import (
    KINDS,
    NO_ANNOTATIONS,
    NO_PICTURE,
    NOT_RUN,
    READING,
    counts_text,
    kinds_text,
    not_annotated,
    reading_text,
    rows_tsv,
    source_text,
    source_tip,
    without_objects,
)
from fpn_viewer.ui.panels.probe_paint import MARGIN, tabular
from fpn_viewer.ui.widgets.copying import copy_action
from fpn_viewer.ui.widgets.texts import ElidedLabel

if TYPE_CHECKING:
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.objects import Objects, ObjectsState
    from fpn_viewer.viewmodels.question import Question, QuestionState

IOU_TIP = "Overlap (IoU) from which a detection counts for an object. COCO's AP goes from 0.50 to 0.95, VOC's uses 0.50"
CLASSES_TIP = "These classes of the data set have no counterpart in the detector yet; say which they are, or leave them out"


class ObjectsPanel(QWidget):
    """The picture's annotated objects with their outcomes; the chosen one is the one that is looked at.

    Signals:
        open_requested(): annotations are to be chosen.
        labels_requested(): classes of the data set are to be matched with the detector's.
        zoom_requested(): the current object is to be brought close.
    """

    open_requested = Signal()
    labels_requested = Signal()
    zoom_requested = Signal()

    def __init__(self, document: Document, objects: Objects, question: Question, parent: QWidget | None = None) -> None:
        """Makes the panel.

        Args:
            document: brings pictures and traces.
            objects: the annotated objects.
            question: brings the life line of the current one.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._document, self._objects, self._question = document, objects, question
        self._reading = ""
        self._make_widgets()
        self._make_menu()
        self._lay_out()
        self._connect()
        self._draw_icons()
        self._show_all()

    def sizeHint(self) -> QSize:
        """A column as wide as the one of the pictures."""
        return QSize(232, 400)

    def copy(self) -> None:
        """Puts the listed objects on the clipboard, as a table."""
        if self.view.rows.shown:
            QGuiApplication.clipboard().setText(rows_tsv(self.view.rows.shown))

    def changeEvent(self, event: QEvent) -> None:
        """Follows the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._draw_icons()

    # -- widgets ----------------------------------------------------------------------------------------------------

    def _make_widgets(self) -> None:
        self.source = ElidedLabel(parent=self)
        self.opening = self._tool("folder", "Open annotations…")
        self.more = self._tool("details", "More about annotations")
        self.counts = CountBar(self)
        self.name = QLineEdit(self, placeholderText="Class", clearButtonEnabled=True)
        self.name.setToolTip("List only objects whose class has this in its name")
        self.name.setAccessibleName("Filter by class")
        self.iou = QDoubleSpinBox(self, minimum=0.05, maximum=0.95, singleStep=0.05, decimals=2, prefix="IoU ")
        self.iou.setKeyboardTracking(False)
        self.iou.setToolTip(IOU_TIP)
        self.iou.setAccessibleName("Overlap that counts as found")
        self.view = ObjectList(self)
        self.footer = _words(self)
        self.footer.setFont(tabular(self.font(), -1))
        self.footer.setToolTip("\n".join(f"{words}: {meaning}" for words, meaning in KINDS.values()))
        self.unmatched = Badge(self)
        self.unmatched.setCheckable(False)
        self.unmatched.setToolTip(CLASSES_TIP)
        self.traps = TrapBar(self)
        self._hint = _words(self)
        self._hint.setObjectName("hint")
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.open_button = QPushButton("Open annotations…", self)

    def _tool(self, name: str, tip: str) -> QToolButton:
        button = QToolButton(self, autoRaise=True)
        button.setObjectName(name)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        return button

    def _make_menu(self) -> None:
        self.menu = QMenu(self)
        self._open = self.menu.addAction("&Open annotations…", self.open_requested.emit)
        self._classes = self.menu.addAction("Cla&sses…", self.labels_requested.emit)
        self.menu.addSeparator()
        self._copy = copy_action("&Copy list", self, self.copy)
        self.menu.addAction(self._copy)
        self.addAction(self._copy)
        self.menu.addSeparator()
        self._close = self.menu.addAction("C&lose annotations", self._objects.close)
        self.more.setMenu(self.menu)
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)

    def _lay_out(self) -> None:
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self._hint_page())
        self._pages.addWidget(self._list_page())
        top = QHBoxLayout()
        top.setContentsMargins(MARGIN, 4, 4, 0)
        top.setSpacing(0)
        top.addWidget(self.source, 1)
        top.addWidget(self.opening)
        top.addWidget(self.more)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(top)
        badge = _inset(self.unmatched)
        badge.addStretch()
        column.addLayout(badge)
        column.addWidget(self._pages, 1)
        column.addWidget(self.traps)
        column.addSpacing(2)

    def _hint_page(self) -> QWidget:
        page = QWidget(self)
        column = QVBoxLayout(page)
        column.setContentsMargins(16, 8, 16, 8)
        column.addStretch()
        column.addWidget(self._hint)
        column.addSpacing(8)
        column.addWidget(self.open_button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch()
        return page

    def _list_page(self) -> QWidget:
        page = QWidget(self)
        filters = QHBoxLayout()
        filters.setContentsMargins(MARGIN, 0, MARGIN, 0)
        filters.addWidget(self.name, 1)
        filters.addWidget(self.iou)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.counts)
        column.addLayout(filters)
        column.addWidget(self.view, 1)
        column.addLayout(_inset(self.footer))
        return page

    def _connect(self) -> None:
        self._objects.changed.connect(self._changed)
        self._question.changed.connect(self._told)
        self._document.picture_changed.connect(self._show_all)
        self._document.trace_changed.connect(self._show_numbers)
        self._document.asked_progress.connect(self._progressed)
        self._document.answered.connect(self._ended)
        self._document.unanswered.connect(self._ended)
        self.opening.clicked.connect(self.open_requested)
        self.open_button.clicked.connect(self.open_requested)
        self.unmatched.clicked.connect(self.labels_requested)
        self.counts.chosen.connect(self._show_rows)
        self.name.textChanged.connect(self._show_rows)
        self.iou.valueChanged.connect(self._objects.set_iou)
        self.view.chosen.connect(self._objects.select)
        self.view.zoom_wanted.connect(self.zoom_requested)

    # -- what changes -----------------------------------------------------------------------------------------------

    @Slot(object, object)
    def _changed(self, state: ObjectsState, names: frozenset[str]) -> None:
        if names == {"current"}:
            self.view.show_current(state.current)
        elif names - {"shown", "current"}:
            self._show_all()

    @Slot(object, object)
    def _told(self, state: QuestionState, names: frozenset[str]) -> None:
        if not names & {"asked", "line"}:
            return
        known = state.asked is not None and state.asked.index >= 0 and state.line is not None
        self.view.rows.tell((state.asked.index, state.line) if known and state.asked and state.line else None)

    @Slot(object, object, object)
    def _progressed(self, lane: str, _: str, fraction: float) -> None:
        if lane == "annotations":
            self._reading = reading_text(fraction)
            self._show_all()

    @Slot(object, object)
    def _ended(self, lane: str, _: object) -> None:
        if lane == "annotations" and self._reading:
            self._reading = ""
            self._show_all()

    # -- showing ----------------------------------------------------------------------------------------------------

    @Slot()
    def _show_all(self, _: object = None) -> None:
        state = self._objects.state
        self._show_source()
        self.traps.show_traps(state.traps)
        self.iou.blockSignals(True)
        self.iou.setValue(state.iou)
        self.iou.blockSignals(False)
        self._show_rows()
        self._show_numbers()
        self._hint.setText(self._why_empty())
        self.open_button.setVisible(self._document.path is not None)
        self._pages.setCurrentIndex(int(bool(state.rows)))

    def _show_source(self) -> None:
        annotations, count = self._objects.state.annotations, len(self._objects.state.labels.unmatched)
        if self._reading or annotations is None:
            self.source.set_text(self._reading or "No annotations")
        else:
            self.source.set_text(source_text(annotations), source_tip(annotations))
        self.unmatched.setVisible(bool(count))
        self.unmatched.setText(f"{count} class{'es' * (count != 1)} to match…")
        self.unmatched.updateGeometry()
        for action in (self._classes, self._close):
            action.setEnabled(annotations is not None)

    @Slot()
    def _show_rows(self, _: object = None) -> None:
        state = self._objects.state
        self.view.show_rows(state.rows, self.counts.kind, self.name.text(), state.current)
        self._copy.setEnabled(bool(self.view.rows.shown))

    @Slot()
    def _show_numbers(self, _: object = None) -> None:
        rows = self._objects.state.rows
        numbers = count_rows(rows)
        self.counts.count(numbers)
        self.counts.setToolTip(counts_text(numbers))
        run = any(row.outcome for row in rows)
        self.footer.setText(kinds_text(self._objects.state.kinds) if run else NOT_RUN)
        self.footer.setVisible(bool(self.footer.text()))

    def _why_empty(self) -> str:
        annotations, path = self._objects.state.annotations, self._document.path
        if path is None:
            return NO_PICTURE
        if annotations is None:
            return self._reading or NO_ANNOTATIONS
        if self._document.picture is None:
            return READING
        if self._objects.state.ground_truth is None:
            return not_annotated(path, annotations)
        return without_objects(path, annotations)

    def _draw_icons(self) -> None:
        for button in (self.opening, self.more):
            button.setIcon(icon(button.objectName(), self.palette()))


def _words(parent: QWidget) -> QLabel:
    label = QLabel(parent, wordWrap=True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    return label


def _inset(widget: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setContentsMargins(MARGIN, 0, MARGIN, 0)
    row.addWidget(widget)
    return row
