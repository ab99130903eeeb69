"""How one annotated object looks in the list: its outcome's line, its class and size, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPalette
from PySide6.QtWidgets import QApplication, QStyle, QStyledItemDelegate

from fpn_viewer.ui.objects.outcomes import OUTCOME_LOOKS
from fpn_viewer.ui.panels.object_texts import size_text
from fpn_viewer.ui.panels.probe_paint import tabular

if TYPE_CHECKING:
    from PySide6.QtCore import QModelIndex, QPersistentModelIndex
    from PySide6.QtGui import QColor, QFont
    from PySide6.QtWidgets import QStyleOptionViewItem, QWidget

    from fpn_viewer.ui.objects.outcomes import OutcomeLook
    from fpn_viewer.viewmodels.objects import ObjectRow

    Index = QModelIndex | QPersistentModelIndex

OBJECT_ROLE = Qt.ItemDataRole.UserRole
STATUS_ROLE = Qt.ItemDataRole.UserRole + 1

AIR = 8
#: px: the sample of the outcome's line
SAMPLE = QSize(22, 16)

_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


def look_of(row: ObjectRow) -> OutcomeLook:
    """How the object's outcome is drawn; a broken annotation looks broken whatever became of it."""
    return OUTCOME_LOOKS["flawed" if row.flaw else row.outcome]


def sample_rect(rect: QRect) -> QRect:
    """Where the sample of the outcome's line lies in a row."""
    return QRect(rect.left() + AIR, rect.center().y() - SAMPLE.height() // 2, SAMPLE.width(), SAMPLE.height())


def draw_sample(painter: QPainter, rect: QRect, look: OutcomeLook) -> None:
    """A small box in the line of an outcome."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(look.pen(1.5 if look.double else 2.0))
    painter.drawRect(QRectF(rect).adjusted(1, 1, -1, -1))
    if look.double:
        painter.drawRect(QRectF(rect).adjusted(4, 4, -4, -4))
    painter.restore()


class ObjectDelegate(QStyledItemDelegate):
    """Draws the rows of an `ObjectModel`, all of one height."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Two lines."""
        return QSize(160, 2 * option.fontMetrics.height() + AIR)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draws one row."""
        self.initStyleOption(option, index)
        widget: QWidget = option.widget
        style = widget.style() if widget is not None else QApplication.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, widget)
        row: ObjectRow = index.data(OBJECT_ROLE)
        sample = sample_rect(option.rect)
        if option.state & QStyle.StateFlag.State_Selected:
            # data colours do not read on the accent
            painter.fillRect(sample.adjusted(-2, -2, 2, 2), option.palette.color(QPalette.ColorRole.Base))
        draw_sample(painter, sample, look_of(row))
        self._write(painter, option, row, index.data(STATUS_ROLE))

    def _write(self, painter: QPainter, option: QStyleOptionViewItem, row: ObjectRow, status: str) -> None:
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        group = QPalette.ColorGroup.Active
        text = option.palette.color(group, QPalette.ColorRole.HighlightedText if chosen else QPalette.ColorRole.Text)
        muted = text if chosen else option.palette.color(group, QPalette.ColorRole.PlaceholderText)
        room = option.rect.adjusted(2 * AIR + SAMPLE.width(), AIR // 2, -AIR, -AIR // 2)
        upper, lower = QRect(room), QRect(room)
        upper.setHeight(room.height() // 2)
        lower.setTop(upper.bottom() + 1)
        size, plain = size_text(row), tabular(option.font)
        small = tabular(option.font, -1)
        _draw(painter, upper, _RIGHT, size, small, muted)
        upper.setRight(upper.right() - QFontMetrics(small).horizontalAdvance(size) - AIR)
        _draw(painter, upper, _LEFT, row.name, plain, text)
        _draw(painter, lower, _LEFT, status, small, muted)


def _draw(painter: QPainter, rect: QRect, align: Qt.AlignmentFlag, text: str, font: QFont, colour: QColor) -> None:
    painter.setFont(font)
    painter.setPen(colour)
    painter.drawText(rect, align, QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, rect.width()))
