"""Draws the life line: a vertical line of dots, a row for each stage, and beneath the opened row what happened there."""

from __future__ import annotations

from dataclasses import dataclass
from math import log1p
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPalette, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate

from fpn_viewer.core.analysis.words import stage_title
from fpn_viewer.core.imaging.colours import level_colour
from fpn_viewer.ui.panels.life_texts import full_number_text, margin_text, number_text, suppressor_text
from fpn_viewer.ui.panels.probe_paint import MARGIN, mixed, tabular

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex
    from PySide6.QtWidgets import QAbstractItemView, QStyleOptionViewItem

    from fpn_viewer.core.analysis.line import LifeLine, Stage

    Index = QModelIndex | QPersistentModelIndex

LINE_ROLE = Qt.ItemDataRole.UserRole
STAGE_ROLE = Qt.ItemDataRole.UserRole + 1
OPEN_ROLE = Qt.ItemDataRole.UserRole + 2
NAMES_ROLE = Qt.ItemDataRole.UserRole + 3

GREEN, VERMILION = QColor("#009E73"), QColor("#D55E00")
#: px: x of the line of dots, radius of a dot, x of the names
AXIS, RADIUS, TEXT = 18, 6, 34
GAP = 8
TICK, TICK_HEIGHT = 4, 11

_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_WRAP = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap


@dataclass(frozen=True)
class Columns:
    """Where the parts of every row lie, px of the view.

    Attributes:
        name: left and width of the stage's name.
        ticks: of the survivors by level; no width where there is no room.
        count: of the number of survivors; no width where there is no room.
        number: of the deciding number.
        long: the numbers have their unit in front.
    """

    name: tuple[int, int]
    ticks: tuple[int, int]
    count: tuple[int, int]
    number: tuple[int, int]
    long: bool


def columns(line: LifeLine, font: QFont, width: int) -> Columns:
    """The columns of a life line in `width` px: survivors, level ticks and units appear, in this order, as there is room."""
    names = _widest(line, font, lambda stage: stage_title(stage.name))
    short, full = _widest(line, font, _short_number), _widest(line, font, _long_number)
    count, ticks = _widest(line, tabular(font, -1), count_text) + GAP, TICK * len(levels_of(line)) + GAP
    room = width - TEXT - MARGIN - GAP - names
    long = room >= full + count + ticks
    number = full if long else short
    ticks = ticks - GAP if room >= number + count + ticks else 0
    count = count - GAP if room >= number + count else 0
    number_left = width - MARGIN - number
    count_left = number_left - count - (GAP if count else 0)
    ticks_left = count_left - ticks - (GAP // 2 if ticks else 0)
    return Columns((TEXT, ticks_left - GAP - TEXT), (ticks_left, ticks), (count_left, count), (number_left, number), long)


def levels_of(line: LifeLine) -> tuple[str, ...]:
    """The levels on which anything near the object ever was, in the order of the stages."""
    return tuple(dict.fromkeys(level for stage in line.stages for level in stage.by_level))


def count_text(stage: Stage) -> str:
    """The number of survivors; a dash where nobody knows it."""
    return "–" if stage.state == "unknown" else f"{stage.survivors:,}"


def details(index: Index) -> tuple[str, ...]:
    """What is written beneath the row while it is open."""
    stage: Stage = index.data(STAGE_ROLE)
    line: LifeLine = index.data(LINE_ROLE)
    texts = [stage.sentence]
    if margin_text(stage):
        texts.append(f"Margin: {margin_text(stage)}.")
    if line.suppressor is not None and line.suppressor.stage == stage.name:
        texts.append(suppressor_text(line.suppressor, index.data(NAMES_ROLE)))
    return tuple(text for text in texts if text)


def row_height(font: QFont) -> int:
    """Height of a closed row, px."""
    return max(2 * RADIUS + 8, QFontMetrics(font).height() + 8)


def draw_mark(painter: QPainter, centre: QPointF, state: str, palette: QPalette, ground: QColor, radius: float = RADIUS) -> None:
    """One dot: its shape says the state as well as its colour.

    Args:
        painter: antialiased.
        centre: of the dot.
        state: as `Stage.state`.
        palette: of the widget.
        ground: colour behind the dot.
        radius: px.
    """
    grey = palette.color(QPalette.ColorRole.PlaceholderText)
    fills = {"passed": GREEN, "killer": VERMILION}
    size = {"info": radius - 2, "after": radius - 2, "passed": radius - 1}.get(state, radius)
    painter.setPen(QPen(fills.get(state, grey), 1.5))
    painter.setBrush(fills.get(state, ground))
    painter.drawEllipse(centre, size, size)
    if state == "killer":
        arm = radius * 0.45
        painter.setPen(QPen(QColor("white"), 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        for side in (-1, 1):
            painter.drawLine(centre + QPointF(-arm, -arm * side), centre + QPointF(arm, arm * side))
    elif state == "unknown":
        font = QFont(painter.font())
        font.setPixelSize(round(1.5 * radius))
        font.setBold(True)
        painter.setFont(font)
        painter.drawText(
            QRectF(centre.x() - radius, centre.y() - radius, 2 * radius, 2 * radius), Qt.AlignmentFlag.AlignCenter, "?"
        )


def _short_number(stage: Stage) -> str:
    return number_text(stage) or "–"


def _long_number(stage: Stage) -> str:
    return full_number_text(stage) or "–"


def _widest(line: LifeLine, font: QFont, text: Callable[[Stage], str]) -> int:
    """Width of the widest text of a column; the stage that lost the object is written bold."""
    plain, bold = QFontMetrics(tabular(font)), QFontMetrics(tabular(font, bold=True))
    return max(((bold if s.state == "killer" else plain).horizontalAdvance(text(s)) for s in line.stages), default=0) + 1


class LifeDelegate(QStyledItemDelegate):
    """Paints the rows of a `LifeModel`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._known: tuple[LifeLine, str, int, Columns] | None = None

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """One line, and room for the details of the opened row."""
        height = row_height(option.font)
        if index.data(OPEN_ROLE):
            height += _details_height(index, option.font, _width(option)) + 8
        return QSize(200, height)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """One stage."""
        line: LifeLine = index.data(LINE_ROLE)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = _RowPainter(painter, option, index)
        pen.ground()
        pen.axis()
        pen.row(self._columns(line, option.font, option.rect.width()), levels_of(line))
        if index.data(OPEN_ROLE):
            pen.details()
        painter.restore()

    def _columns(self, line: LifeLine, font: QFont, width: int) -> Columns:
        """Those of the row before, for every row of one life line has the same."""
        known, key = self._known, font.key()
        if known is None or known[0] is not line or known[1:3] != (key, width):
            known = self._known = (line, key, width, columns(line, font, width))
        return known[3]


def _width(option: QStyleOptionViewItem) -> int:
    view: QAbstractItemView | None = option.widget  # type: ignore[assignment]
    # while sizes are asked for, the rectangle of the option is empty
    return view.viewport().width() if view is not None else option.rect.width()


def _details_height(index: Index, font: QFont, width: int) -> int:
    room = QRect(0, 0, width - TEXT - MARGIN, 10_000)
    metrics = QFontMetrics(font)
    return sum(metrics.boundingRect(room, int(_WRAP), text).height() + 2 for text in details(index))


class _RowPainter:
    """The strokes of one row."""

    def __init__(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        self._painter, self._index = painter, index
        self._stage: Stage = index.data(STAGE_ROLE)
        self._rect: QRect = option.rect
        self._font: QFont = option.font
        self._palette: QPalette = option.palette
        self._text = self._palette.color(QPalette.ColorRole.Text)
        self._muted = self._palette.color(QPalette.ColorRole.PlaceholderText)
        self._open = bool(index.data(OPEN_ROLE))
        self._height = row_height(option.font)
        self._ground = self._ground_colour(option)
        view: QAbstractItemView | None = option.widget  # type: ignore[assignment]
        self._is_current = view is not None and view.hasFocus() and view.currentIndex() == index

    def _ground_colour(self, option: QStyleOptionViewItem) -> QColor:
        base = self._palette.color(QPalette.ColorRole.Base)
        accent = self._palette.color(QPalette.ColorRole.Highlight)
        if self._open:
            return mixed(accent, base, 0.16)
        if option.state & QStyle.StateFlag.State_MouseOver:
            return mixed(accent, base, 0.07)
        return mixed(VERMILION, base, 0.10) if self._stage.state == "killer" else base

    def ground(self) -> None:
        """The row's colour, and a frame around the row that keys act on."""
        self._painter.fillRect(self._rect, self._ground)
        if self._is_current and not self._open:
            self._painter.setPen(QPen(self._palette.color(QPalette.ColorRole.Highlight), 1))
            self._painter.setBrush(Qt.BrushStyle.NoBrush)
            self._painter.drawRect(QRectF(self._rect).adjusted(0.5, 0.5, -0.5, -0.5))

    def axis(self) -> None:
        """The line above and below the dot, and the dot."""
        centre = QPointF(self._rect.left() + AXIS, self._rect.top() + self._height / 2)
        row, count = self._index.row(), self._index.model().rowCount()
        if row:
            self._segment(centre.x(), self._rect.top(), centre.y(), self._stage)
        if row + 1 < count:
            below: Stage = self._index.model().index(row + 1, 0).data(STAGE_ROLE)
            self._segment(centre.x(), centre.y(), self._rect.bottom() + 1, below)
        draw_mark(self._painter, centre, self._stage.state, self._palette, self._ground)

    def _segment(self, x: float, top: float, bottom: float, to: Stage) -> None:
        """The line that leads to a stage: green while the object lives, dotted where it does not."""
        colours = {"passed": GREEN, "killer": VERMILION}
        style = Qt.PenStyle.SolidLine if to.state in ("info", "passed", "killer") else Qt.PenStyle.DotLine
        self._painter.setPen(QPen(colours.get(to.state, self._muted), 2, style, Qt.PenCapStyle.FlatCap))
        self._painter.drawLine(QPointF(x, top), QPointF(x, bottom))

    def row(self, places: Columns, levels: tuple[str, ...]) -> None:
        """Name, survivors, deciding number."""
        stage = self._stage
        dead = stage.state in ("after", "unknown")
        colour, bold = self._muted if dead else self._text, stage.state == "killer"
        self._write(places.name, _LEFT, stage_title(stage.name), tabular(self._font, bold=bold), colour)
        if places.ticks[1] and not dead:
            self._ticks(places.ticks[0], levels)
        if places.count[1]:
            self._write(places.count, _RIGHT, count_text(stage), tabular(self._font, -1), self._muted)
        self._write(
            places.number, _RIGHT, (_long_number if places.long else _short_number)(stage), tabular(self._font, bold=bold), colour
        )

    def _ticks(self, left: int, levels: tuple[str, ...]) -> None:
        """Survivors by level, as tiny bars of logarithmic height."""
        line: LifeLine = self._index.data(LINE_ROLE)
        most = max((count for stage in line.stages for count in stage.by_level.values()), default=0)
        bottom = self._rect.top() + (self._height + TICK_HEIGHT) // 2
        for place, level in enumerate(levels):
            count = self._stage.by_level.get(level, 0)
            height = max(3, round(TICK_HEIGHT * log1p(count) / log1p(most))) if count else 1
            colour = QColor(level_colour(level)) if count else mixed(self._text, self._ground, 0.3)
            x = self._rect.left() + left + TICK * place
            self._painter.fillRect(QRect(x, bottom - height, TICK - 1, height), colour)

    def details(self) -> None:
        """What happened, beneath the row."""
        room = QRect(self._rect.left() + TEXT, self._rect.top() + self._height, self._rect.width() - TEXT - MARGIN, 10_000)
        self._painter.setFont(self._font)
        self._painter.setPen(self._text)
        for text in details(self._index):
            place = self._painter.boundingRect(room, int(_WRAP), text)
            self._painter.drawText(room, int(_WRAP), text)
            room.setTop(place.bottom() + 3)

    def _write(self, place: tuple[int, int], align: Qt.AlignmentFlag, text: str, font: QFont, colour: QColor) -> None:
        rect = QRect(self._rect.left() + place[0], self._rect.top(), place[1], self._height)
        self._painter.setFont(font)
        self._painter.setPen(colour)
        shown = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
        self._painter.drawText(rect, align, shown)
