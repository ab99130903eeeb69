"""Draws one level of the probe: numbers over bars, the share of the top-down term, the exact sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetrics, QPalette, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QToolTip

from fpn_viewer.core.imaging.colours import level_colour
from fpn_viewer.core.numbers import percent, significant
from fpn_viewer.ui.panels.probe_table import LETTERS, field_size, field_tip, share_tip, sources_tip, value_tip

if TYPE_CHECKING:
    from PySide6.QtCore import QModelIndex, QPersistentModelIndex
    from PySide6.QtGui import QHelpEvent, QPainter
    from PySide6.QtWidgets import QAbstractItemView, QStyleOptionViewItem

    from fpn_viewer.engine.values import ProbeRow
    from fpn_viewer.ui.panels.probe_table import ProbeTable

    Index = QModelIndex | QPersistentModelIndex

MARGIN = 8
GAP = 4
STRIP = 4
BAR = 4
TABLE_ROLE = Qt.ItemDataRole.UserRole
ROW_ROLE = Qt.ItemDataRole.UserRole + 1
UNIT_ROLE = Qt.ItemDataRole.UserRole + 2

_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_CENTRE = Qt.AlignmentFlag.AlignCenter
_BIAS = "#8A8F98"


def tabular(font: QFont, points: float = 0.0, bold: bool = False) -> QFont:
    """The font with digits of one width, `points` larger or smaller."""
    made = QFont(font)
    made.setFeature(QFont.Tag("tnum"), 1)
    made.setPointSizeF(max(6.0, font.pointSizeF() + points))
    made.setBold(bold)
    return made


def mixed(one: QColor, other: QColor, share: float) -> QColor:
    """`share` of the one, the rest of the other."""
    pairs = ((one.red(), other.red()), (one.green(), other.green()), (one.blue(), other.blue()))
    return QColor(*(round(share * a + (1 - share) * b) for a, b in pairs))


def text_on(colour: QColor) -> QColor:
    """Black or white, whichever reads better on a colour."""
    red, green, blue = (c**2.2 for c in (colour.redF(), colour.greenF(), colour.blueF()))
    return QColor("black" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 else "white")


def source_colour(name: str) -> QColor:
    """The colour of a backbone map's level, grey for the biases."""
    return QColor(_BIAS if name == "bias" else level_colour(name))


@dataclass(frozen=True)
class RowLayout:
    """Where the parts of a row lie, px of the view.

    Attributes:
        title: the level, its cell and its receptive field.
        columns: role to number and bar.
        share: the share of the top-down term; empty without one.
        sources: the exact sources; empty without them.
    """

    title: QRect
    columns: dict[str, QRect]
    share: QRect
    sources: QRect

    def part_at(self, x: int, y: int) -> str:
        """The part at a point: "title", "share", "sources", a role, or "" between them."""
        parts = {"title": self.title, "share": self.share, "sources": self.sources, **self.columns}
        return next((name for name, rect in parts.items() if rect.contains(x, y)), "")


def column_rects(left: int, width: int, top: int, height: int, roles: tuple[str, ...]) -> dict[str, QRect]:
    """Columns of equal width, one for each role; the header and the rows share them."""
    inner, gap = width - 2 * MARGIN, GAP
    each = (inner - gap * (len(roles) - 1)) // max(1, len(roles))
    return {role: QRect(left + MARGIN + i * (each + gap), top, each, height) for i, role in enumerate(roles)}


def row_layout(rect: QRect, row: ProbeRow, roles: tuple[str, ...], line: int) -> RowLayout:
    """The parts of a row in `rect`, with text lines of `line` px; parts that the level lacks are empty."""
    left, width, y = rect.left() + MARGIN, rect.width() - 2 * MARGIN, rect.top() + GAP
    title = QRect(left, y, width, line)
    y += line + 2
    columns = column_rects(rect.left(), rect.width(), y, line + BAR, roles)
    y += line + BAR + GAP
    share = QRect(left, y, width, line) if row.top_down_share is not None else QRect()
    y += (line + 2) if row.top_down_share is not None else 0
    sources = QRect(left, y, width, line) if row.sources else QRect()
    return RowLayout(title, columns, share, sources)


class ProbeDelegate(QStyledItemDelegate):
    """Paints the rows of a `ProbeModel` and says in tooltips what each part is."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """High enough for the parts this level has."""
        row: ProbeRow = index.data(ROW_ROLE)
        line = _line(option.font)
        height = 2 * GAP + line + 2 + line + BAR + GAP
        height += (line + 2) * (row.top_down_share is not None) + line * bool(row.sources)
        return QSize(220, height + 2)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """One level."""
        table: ProbeTable = index.data(TABLE_ROLE)
        row: ProbeRow = index.data(ROW_ROLE)
        rect, font = option.rect, option.font
        painter.save()
        pen = _RowPainter(painter, option, QColor(level_colour(row.level)))
        pen.ground(rect)
        layout = row_layout(rect, row, table.roles, _line(font))
        pen.title(layout.title, row)
        for role, column in layout.columns.items():
            pen.value(column, row.values.get(role), table.scale(role))
        if row.top_down_share is not None:
            pen.share(layout.share, row.top_down_share)
        if row.sources:
            pen.sources(layout.sources, row, table.source_range)
        painter.restore()

    def helpEvent(self, event: QHelpEvent, view: QAbstractItemView, option: QStyleOptionViewItem, index: Index) -> bool:
        """Shows the tooltip of the part under the mouse."""
        if not index.isValid():
            return False
        text = tooltip(index, option.rect, option.font, event.pos().x(), event.pos().y())
        QToolTip.showText(event.globalPos(), text, view)
        return bool(text)


def tooltip(index: Index, rect: QRect, font: QFont, x: int, y: int) -> str:
    """The words for the part of a row at a point of the view."""
    table: ProbeTable = index.data(TABLE_ROLE)
    row: ProbeRow = index.data(ROW_ROLE)
    part = row_layout(rect, row, table.roles, _line(font)).part_at(x, y)
    words = {"title": field_tip, "share": share_tip, "sources": sources_tip}
    if part in LETTERS:
        return value_tip(table, row, part, index.data(UNIT_ROLE))
    return words[part](row) if part else ""


def _line(font: QFont) -> int:
    return QFontMetrics(tabular(font)).height()


class _RowPainter:
    """The strokes of one row."""

    def __init__(self, painter: QPainter, option: QStyleOptionViewItem, colour: QColor) -> None:
        self._painter, self._colour = painter, colour
        self._font: QFont = option.font
        palette: QPalette = option.palette
        self._base = palette.color(QPalette.ColorRole.Base)
        self._text = palette.color(QPalette.ColorRole.Text)
        self._muted = palette.color(QPalette.ColorRole.PlaceholderText)
        self._accent = palette.color(QPalette.ColorRole.Highlight)
        self._line = palette.color(QPalette.ColorRole.Mid)
        state = option.state
        self._marked = 0.16 * bool(state & QStyle.StateFlag.State_Selected) or 0.07 * bool(state & QStyle.StateFlag.State_MouseOver)

    def ground(self, rect: QRect) -> None:
        if self._marked:
            self._painter.fillRect(rect, mixed(self._accent, self._base, self._marked))
        self._painter.fillRect(QRect(rect.left(), rect.top() + 2, STRIP, rect.height() - 4), self._colour)
        self._painter.fillRect(QRect(rect.left() + MARGIN, rect.bottom(), rect.width() - 2 * MARGIN, 1), self._line)

    def title(self, rect: QRect, row: ProbeRow) -> None:
        bold = tabular(self._font, bold=True)
        self._write(rect, _LEFT, row.level, bold, self._text)
        small = tabular(self._font, -1)
        indent = QFontMetrics(bold).horizontalAdvance("P7a ") + GAP
        self._write(rect.adjusted(indent, 0, 0, 0), _LEFT, f"cell {row.cell[0]}, {row.cell[1]}", small, self._muted)
        width, height = field_size(row)
        self._write(rect, _RIGHT, f"field {width}×{height} px", small, self._muted)

    def value(self, rect: QRect, value: float | None, scale: float) -> None:
        number = QRect(rect.left(), rect.top(), rect.width(), rect.height() - BAR)
        if value is None:
            self._write(number, _RIGHT, "–", tabular(self._font), self._muted)
            return
        self._write(number, _RIGHT, significant(value), tabular(self._font), self._text)
        track = QRectF(rect.left(), rect.bottom() - BAR + 1, rect.width(), BAR)
        self._painter.fillRect(track, mixed(self._text, self._base, 0.10))
        length = min(1.0, abs(value) / scale) * track.width() if value == value else 0.0
        bar = QRectF(track.left(), track.top(), length, BAR)
        self._painter.fillRect(bar, self._colour if value >= 0 else self._hatch(self._colour))

    def share(self, rect: QRect, down: float) -> None:
        names = (f"lateral {percent(1 - down)}", f"{percent(down)} top-down")
        split = rect.left() + round(rect.width() * (1 - min(1.0, max(0.0, down))))
        left = QRect(rect.left(), rect.top(), split - rect.left(), rect.height())
        right = QRect(split, rect.top(), rect.right() + 1 - split, rect.height())
        pale = mixed(self._colour, self._base, 0.22)
        self._painter.fillRect(left, self._colour)
        self._painter.fillRect(right, pale)
        self._painter.fillRect(right, QBrush(mixed(self._colour, pale, 0.28), Qt.BrushStyle.BDiagPattern))
        self._label(left, _LEFT, names[0], text_on(self._colour))
        self._label(right, _RIGHT, names[1], text_on(pale))

    def sources(self, rect: QRect, row: ProbeRow, axis: tuple[float, float]) -> None:
        low, high = axis
        unit = rect.width() / (high - low)
        zero = rect.left() - low * unit
        ends = {True: zero, False: zero}
        self._painter.fillRect(rect, mixed(self._text, self._base, 0.05))
        for name, share in row.sources.items():
            start, length = ends[share >= 0], share * unit
            ends[share >= 0] = start + length
            self._segment(QRectF(min(start, start + length), rect.top(), abs(length), rect.height()), name, share)
        if low < 0:
            self._painter.fillRect(QRectF(zero - 0.5, rect.top() - 1, 1, rect.height() + 2), self._text)
        if high > 1:
            self._painter.setPen(QPen(self._text, 1, Qt.PenStyle.DotLine))
            self._painter.drawLine(round(zero + unit), rect.top() - 1, round(zero + unit), rect.bottom() + 1)

    def _segment(self, rect: QRectF, name: str, share: float) -> None:
        colour = source_colour(name)
        if share < 0:
            pale = mixed(colour, self._base, 0.25)
            self._painter.fillRect(rect, pale)
            self._painter.fillRect(rect, self._hatch(colour))
            colour = pale
        else:
            self._painter.fillRect(rect, colour)
        self._painter.fillRect(QRectF(rect.right() - 0.5, rect.top(), 1, rect.height()), self._base)
        for text in (f"{name} {percent(share)}", name):
            if self._label(rect.toRect(), _CENTRE, text, text_on(colour)):
                return

    def _label(self, rect: QRect, align: Qt.AlignmentFlag, text: str, colour: QColor) -> bool:
        font = tabular(self._font, -1)
        if QFontMetrics(font).horizontalAdvance(text) + 2 * GAP > rect.width():
            return False
        self._write(rect.adjusted(GAP, 0, -GAP, 0), align, text, font, colour)
        return True

    def _write(self, rect: QRect, align: Qt.AlignmentFlag, text: str, font: QFont, colour: QColor) -> None:
        self._painter.setFont(font)
        self._painter.setPen(colour)
        self._painter.drawText(rect, align, text)

    @staticmethod
    def _hatch(colour: QColor) -> QBrush:
        return QBrush(colour, Qt.BrushStyle.FDiagPattern)
