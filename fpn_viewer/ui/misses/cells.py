"""How cells of the table look: cut-outs, outcomes in their line, marks of several detectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPalette
from PySide6.QtWidgets import QStyle, QStyledItemDelegate

from fpn_viewer.engine.scan.filters import LOST
from fpn_viewer.engine.scan_table import COLUMNS
from fpn_viewer.ui.misses.texts import cell_text
from fpn_viewer.ui.objects.outcomes import OUTCOME_LOOKS
from fpn_viewer.ui.panels.object_row import SAMPLE, draw_sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtCore import QModelIndex, QPersistentModelIndex
    from PySide6.QtWidgets import QStyleOptionViewItem, QWidget

    from fpn_viewer.engine.scan_table import ScanRow
    from fpn_viewer.ui.misses.crops import CropStore

    Index = QModelIndex | QPersistentModelIndex

ROW_ROLE = Qt.ItemDataRole.UserRole
ROW_HEIGHT = 36
#: px of a cut-out
CROP = 32
AIR = 6
#: first widths of the columns, px
WIDTHS: dict[str, int] = {
    "object": 56,
    "class": 104,
    "outcome": 128,
    "killer": 96,
    "margin": 104,
    "image": 100,
    "net": 112,
    "cells": 76,
    "anchor": 96,
    "score": 68,
    "detectors": 84,
    "picture": 160,
}
#: the columns in order, and those whose numbers stand under each other
KEYS = tuple(COLUMNS)
NUMBERS = frozenset({"margin", "image", "net", "cells", "anchor", "score"})
_MIDDLE = Qt.AlignmentFlag.AlignVCenter
ALIGNED = {False: Qt.AlignmentFlag.AlignLeft | _MIDDLE, True: Qt.AlignmentFlag.AlignRight | _MIDDLE}


class ScanDelegate(QStyledItemDelegate):
    """Draws the cells of a `ScanModel`."""

    def __init__(self, crops: CropStore, parent: QWidget) -> None:
        """Draws cells.

        Args:
            crops: the cut-outs.
            parent: the table.
        """
        super().__init__(parent)
        self._crops = crops

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draws one cell; not through the style, which asks the model a dozen questions about each."""
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, option.palette.color(QPalette.ColorGroup.Active, QPalette.ColorRole.Highlight))
        row: ScanRow | None = index.data(ROW_ROLE)
        key = KEYS[index.column()]
        if row is None:
            if key == "class":
                _draw_waiting(painter, option)
        elif key == "object":
            self._draw_crop(painter, option, row)
        elif key in _DRAWN:
            _DRAWN[key](painter, option, row)
        else:
            _draw_text(painter, option, cell_text(key, row), option.rect.adjusted(AIR, 0, -AIR, 0), number=key in NUMBERS)

    def _draw_crop(self, painter: QPainter, option: QStyleOptionViewItem, row: ScanRow) -> None:
        room = QRect(option.rect.left() + AIR, option.rect.center().y() - CROP // 2 + 1, CROP, CROP)
        made = self._crops.of(row)
        image = None if made is None else made[0]
        if made is None or image is None:
            painter.setPen(option.palette.color(QPalette.ColorRole.Mid))
            painter.drawRect(room.adjusted(0, 0, -1, -1))
            if made is not None:
                painter.drawLine(room.topLeft(), room.bottomRight() - QPoint(1, 1))
            return
        box = made[1]
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(QRectF(room), image)
        inside = QRectF(room.left() + box[0] * CROP, room.top() + box[1] * CROP, (box[2] - box[0]) * CROP, (box[3] - box[1]) * CROP)
        painter.setPen(OUTCOME_LOOKS.get(row.outcome, OUTCOME_LOOKS[""]).pen(1.0))
        painter.drawRect(inside)


def _text_colour(option: QStyleOptionViewItem) -> QColor:
    chosen = bool(option.state & QStyle.StateFlag.State_Selected)
    role = QPalette.ColorRole.HighlightedText if chosen else QPalette.ColorRole.Text
    return option.palette.color(QPalette.ColorGroup.Active, role)


def _draw_text(painter: QPainter, option: QStyleOptionViewItem, text: str, room: QRect, *, number: bool = False) -> None:
    painter.setPen(_text_colour(option))
    painter.setFont(option.font)
    metrics = option.fontMetrics
    if metrics.horizontalAdvance(text) > room.width():
        text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room.width())
    painter.drawText(room, ALIGNED[number], text)


def _draw_waiting(painter: QPainter, option: QStyleOptionViewItem) -> None:
    """A grey bar where a row is not read yet."""
    bar = QRect(option.rect.left() + AIR, option.rect.center().y() - 2, option.rect.width() // 2, 4)
    painter.fillRect(bar, option.palette.color(QPalette.ColorRole.Midlight))


def _draw_outcome(painter: QPainter, option: QStyleOptionViewItem, row: ScanRow) -> None:
    look = OUTCOME_LOOKS["flawed" if row.flaw else row.outcome if row.outcome in OUTCOME_LOOKS else ""]
    sample = QRect(option.rect.left() + AIR, option.rect.center().y() - SAMPLE.height() // 2, SAMPLE.width(), SAMPLE.height())
    if option.state & QStyle.StateFlag.State_Selected:
        # data colours do not read on the accent
        painter.fillRect(sample.adjusted(-2, -2, 2, 2), option.palette.color(QPalette.ColorRole.Base))
    draw_sample(painter, sample, look)
    _draw_text(painter, option, look.text, option.rect.adjusted(2 * AIR + SAMPLE.width(), 0, -2, 0))


def _draw_marks(painter: QPainter, option: QStyleOptionViewItem, row: ScanRow) -> None:
    """One letter and one sign for each detector: never by colour alone."""
    step, chosen = 2 * option.fontMetrics.horizontalAdvance("0"), bool(option.state & QStyle.StateFlag.State_Selected)
    painter.setFont(option.font)
    for place, outcome in enumerate(row.outcomes):
        sign = "✓" if outcome == "found" else "✕" if outcome in LOST else "·"
        colour = QColor(OUTCOME_LOOKS.get(outcome, OUTCOME_LOOKS[""]).colour)
        painter.setPen(_text_colour(option) if chosen else colour)
        room = QRect(option.rect.left() + AIR + place * step, option.rect.top(), step, option.rect.height())
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter, sign)


#: columns that are more than text
_DRAWN: dict[str, Callable[[QPainter, QStyleOptionViewItem, ScanRow], None]] = {"outcome": _draw_outcome, "detectors": _draw_marks}
