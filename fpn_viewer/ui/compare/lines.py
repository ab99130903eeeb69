"""The life lines of one object in A and in B next to each other: a stage that is opened in one opens in the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QGuiApplication, QPalette
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from fpn_viewer.core.analysis.words import stage_title
from fpn_viewer.core.comparison.values import STATUSES
from fpn_viewer.ui.compare import texts
from fpn_viewer.ui.compare.head import Badge
from fpn_viewer.ui.objects.texts import size_text
from fpn_viewer.ui.panels.life_list import LifeHeader, LifeList
from fpn_viewer.ui.panels.life_parts import CropView, OutcomeChip
from fpn_viewer.ui.panels.life_texts import full_number_text
from fpn_viewer.ui.panels.probe_paint import tabular
from fpn_viewer.ui.widgets.copying import copy_action

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PySide6.QtGui import QResizeEvent

    from fpn_viewer.core.analysis.line import LifeLine
    from fpn_viewer.core.comparison.values import Ended, ObjectPair, ObjectRow
    from fpn_viewer.core.geometry import Box
    from fpn_viewer.engine.compare_values import CompareView

NOTHING = "Choose an object in the table or on a map to see its way through both detectors."
FOLLOWING = "Following it …"
NO_LINE = "This object cannot be followed here: the detector has no such class, or selects in a way of its own."


#: px from which both life lines fit beside each other with the names of their stages; below, B's lies under A's
_BESIDE_FROM = 400


class Side:
    """The widgets of one life line; they lie in a grid beside the other's, so that equal parts are equally high, or under it.

    Attributes:
        chip: how it ended.
        verdict: why.
        header: over the stages.
        rows: the stages.
    """

    def __init__(self, letter: str) -> None:
        """Makes the widgets of "A" or "B"."""
        self.chip, self.verdict, self.rows = OutcomeChip(), words(), LifeList()
        self.rows.setAccessibleName(f"Stages of {letter}, from picture to detection")
        self.verdict.setFont(tabular(self.verdict.font(), -1))
        self.verdict.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.header = LifeHeader(self.rows)
        self._head = QWidget()
        head = QHBoxLayout(self._head)
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(6)
        head.addWidget(Badge(letter))
        head.addWidget(self.chip)
        head.addStretch()

    def place(self, grid: QGridLayout, row: int, column: int) -> None:
        """Puts the widgets into a column of a grid, from a row on."""
        for offset, part in enumerate((self._head, self.verdict, self.header)):
            grid.addWidget(part, row + offset, column)
        grid.addWidget(self.rows, row + 3, column, Qt.AlignmentFlag.AlignTop)

    def show_line(self, line: LifeLine | None, end: Ended | LifeLine | None, names: tuple[str, ...], waiting: bool) -> None:
        """Shows another life line.

        Args:
            line: all of it, or None.
            end: how it ends, which is known earlier; None where it is not known.
            names: of the detector's classes.
            waiting: more will be known.
        """
        self.chip.setVisible(end is not None)
        self.header.setVisible(line is not None)
        self.rows.setVisible(line is not None)
        self.verdict.setText(end.verdict if end is not None else FOLLOWING if waiting else NO_LINE)
        if end is not None:
            self.chip.show_outcome(end.outcome)
        if line is not self.rows.line:
            self.rows.show_line(line, names)
            self.header.update()


class TwoLines(QWidget):
    """Who the object is, what differs, and both life lines.

    Attributes:
        title: class, size and status.
        sides: the life lines of A and B.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes the page without object."""
        super().__init__(parent)
        self._row: ObjectRow | None = None
        self._pair: ObjectPair | None = None
        self._place: Box | None = None
        self._stage = ""
        self.crop, self.title, self.sentence = CropView(self), words(), words()
        self.title.setFont(tabular(self.font(), bold=True))
        self._hint = QLabel(NOTHING, alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        self._hint.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self._hint.setContentsMargins(16, 16, 16, 16)
        self._page = QWidget()
        self._lay_out()
        # the page grows only once the events that are due are handled
        self._following = QTimer(self, singleShot=True, interval=0)
        self._following.timeout.connect(self._follow)
        for side in self.sides:
            side.rows.moved.connect(self._following.start)
            side.rows.toggled.connect(self._toggle)
            side.rows.stepped.connect(self.open)
        self.addAction(copy_action("&Copy both life lines", self, self.copy))
        self.show_object(None, None, None, None)

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.title)
        words.addWidget(self.sentence)
        words.addStretch()
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.crop, 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(words, 1)
        grid = self._grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        self.sides = Side("A"), Side("B")
        self._beside: bool | None = None
        self._arrange(beside=True)
        column = QVBoxLayout(self._page)
        column.setContentsMargins(8, 4, 8, 8)
        column.setSpacing(6)
        column.addLayout(head)
        column.addLayout(grid)
        column.addStretch()
        self._scroll = QScrollArea(widgetResizable=True)
        self._scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(self._page)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._hint, 1)
        outer.addWidget(self._scroll, 1)

    def _arrange(self, beside: bool) -> None:
        if beside == self._beside:
            return
        self._beside = beside
        for number, side in enumerate(self.sides):
            side.place(self._grid, *((0, number) if beside else (4 * number, 0)))
        self._grid.setColumnStretch(0, 1)
        self._grid.setColumnStretch(1, int(beside))
        self._grid.setHorizontalSpacing(12 if beside else 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Puts one life line under the other where there is no room for the names of their stages."""
        super().resizeEvent(event)
        self._arrange(beside=self.width() >= _BESIDE_FROM)

    @property
    def row(self) -> ObjectRow | None:
        """The object that is shown."""
        return self._row

    def show_object(
        self, row: ObjectRow | None, pair: ObjectPair | None, view: CompareView | None, pixels: NDArray[np.uint8] | None
    ) -> None:
        """Shows another object, opened at the stage where both part as soon as its life lines are there.

        Args:
            row: the object in short, or None.
            pair: its life lines, or None.
            view: names of classes.
            pixels: the picture (H, W, 3), or None.
        """
        known = row is not None and view is not None
        self._hint.setVisible(not known)
        self._scroll.setVisible(known)
        if row is self._row and pair is self._pair:
            return
        fresh, self._row, self._pair = pair is not self._pair, row, pair
        if row is None or view is None:
            self._place = None
            return
        self._show_head(row, pair, pixels)
        lines = (None, None) if pair is None else (pair.line_a, pair.line_b)
        for side, line, end, shown in zip(self.sides, lines, (row.a, row.b), (view.a, view.b), strict=True):
            names = shown.spec.class_names if shown is not None else ()
            side.show_line(line, line or end, names, waiting=pair is None and not row.followed)
        if fresh and pair is not None:
            self.open(pair.differs_at)

    def _show_head(self, row: ObjectRow, pair: ObjectPair | None, pixels: NDArray[np.uint8] | None) -> None:
        if row.box_img != self._place:
            self._place = row.box_img
            self.crop.show_crop(pixels, row.box_img)
        told = pair or row
        self.title.setText(f"{row.name} · {size_text(row.box_img)} · {STATUSES[row.status]}")
        self.sentence.setText(told.sentence or texts.parts_at(told))
        self.sentence.setVisible(bool(self.sentence.text()))

    @Slot(object)
    def open(self, stage: str) -> None:
        """Opens a stage in both; "" closes them."""
        self._stage = stage
        for side in self.sides:
            side.rows.open(stage)

    @Slot()
    def _follow(self) -> None:
        """Scrolls to the opened stage."""
        for side in self.sides:
            rect = side.rows.visualRect(side.rows.currentIndex())
            place = side.rows.mapTo(self._page, rect.bottomLeft())
            self._scroll.ensureVisible(0, place.y(), 0, 12)

    @Slot(object)
    def _toggle(self, stage: str) -> None:
        self.open("" if stage == self._stage else stage)

    def copy(self) -> None:
        """Puts both life lines on the clipboard, a stage in each row, for a spreadsheet."""
        if self._pair is not None:
            QGuiApplication.clipboard().setText(both_lines(self._pair))


def both_lines(row: ObjectPair) -> str:
    """Both life lines as text, a stage in each row."""
    lines = (row.line_a, row.line_b)
    by_name = [{stage.name: stage for stage in line.stages} if line is not None else {} for line in lines]
    names = list(dict.fromkeys(name for stages in by_name for name in stages))
    made = [f"{row.name}\t{size_text(row.box_img)}\t{row.status}", "stage\tA: near\tA\tB: near\tB"]
    for name in names:
        cells = [stage_title(name)]
        for stages in by_name:
            stage = stages.get(name)
            cells += ["", ""] if stage is None else [str(stage.survivors), full_number_text(stage)]
        made.append("\t".join(cells))
    verdicts = [f"{letter}: {line.verdict}" for letter, line in zip("AB", lines, strict=True) if line is not None]
    return "\n".join([*made, *verdicts])


def words() -> QLabel:
    """An empty label of many lines, whose text can be marked and copied."""
    label = QLabel(wordWrap=True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return label
