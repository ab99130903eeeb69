"""How one picture looks in the list: thumbnail, name, and the folder or what is wrong with the file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QPalette, QPixmap
from PySide6.QtWidgets import QApplication, QStyle, QStyledItemDelegate

from fpn_viewer.ui.theme import is_dark

if TYPE_CHECKING:
    from PySide6.QtGui import QPainter
    from PySide6.QtWidgets import QStyleOptionViewItem, QWidget

PATH_ROLE = Qt.ItemDataRole.UserRole
PROBLEM_ROLE = Qt.ItemDataRole.UserRole + 1

#: px: the room of a thumbnail, and the air around it
THUMBNAIL = QSize(60, 45)
AIR = 6
#: the word under a file that cannot be read: (light, dark)
PROBLEM_COLOURS = ("#b3261e", "#ff9d90")

Index = QModelIndex | QPersistentModelIndex


class RowDelegate(QStyledItemDelegate):
    """Draws the rows, all of one height."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """The height of every row."""
        lines = 2 * option.fontMetrics.height() + AIR
        return QSize(120, max(THUMBNAIL.height(), lines) + 2 * AIR)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draws one row."""
        self.initStyleOption(option, index)
        widget: QWidget = option.widget
        style = widget.style() if widget is not None else QApplication.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, widget)
        room = option.rect.adjusted(AIR, AIR, -AIR, -AIR)
        frame = QRect(room.left(), room.top() + (room.height() - THUMBNAIL.height()) // 2, THUMBNAIL.width(), THUMBNAIL.height())
        self._draw_thumbnail(painter, frame, index, option.palette)
        self._draw_lines(painter, room.adjusted(THUMBNAIL.width() + 8, 0, 0, 0), option, index)

    def _draw_thumbnail(self, painter: QPainter, frame: QRect, index: Index, palette: QPalette) -> None:
        pixmap = index.data(Qt.ItemDataRole.DecorationRole)
        if not isinstance(pixmap, QPixmap):
            painter.setPen(palette.color(QPalette.ColorRole.Mid))
            painter.drawRect(frame.adjusted(0, 0, -1, -1))
            return
        size = pixmap.size().scaled(frame.size(), Qt.AspectRatioMode.KeepAspectRatio)
        target = QRect(0, 0, max(1, size.width()), max(1, size.height()))
        target.moveCenter(frame.center())
        painter.setRenderHint(painter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(target, pixmap)

    def _draw_lines(self, painter: QPainter, room: QRect, option: QStyleOptionViewItem, index: Index) -> None:
        problem = index.data(PROBLEM_ROLE)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        palette: QPalette = option.palette
        plain = palette.color(QPalette.ColorRole.HighlightedText if chosen else QPalette.ColorRole.Text)
        quiet = plain if chosen else palette.color(QPalette.ColorRole.PlaceholderText)
        below = "cannot be read" if problem else Path(index.data(PATH_ROLE)).parent.name
        if problem and not chosen:
            quiet = QColor(PROBLEM_COLOURS[is_dark(palette)])
        height = option.fontMetrics.height()
        top = room.top() + (room.height() - 2 * height - 2) // 2
        for text, colour, place in ((index.data(), plain, top), (below, quiet, top + height + 2)):
            line = QRect(room.left(), place, room.width(), height)
            painter.setPen(colour)
            shown = option.fontMetrics.elidedText(text, Qt.TextElideMode.ElideMiddle, line.width())
            painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
