"""Ticks and grid lines of the charts."""

from __future__ import annotations

from math import ceil, floor, log10
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QColor, QPainter

_NICE = (1, 2, 5, 10)
_CENTRE = Qt.AlignmentFlag.AlignHCenter
_LEFT, _RIGHT = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
_MIDDLE = Qt.AlignmentFlag.AlignVCenter


def counts_up_to(most: float, about: int = 5) -> list[float]:
    """Round numbers from 0 to at least `most`, some `about` of them; whole ones."""
    step = max(1.0, _nice(max(most, 1) / about))
    return [step * k for k in range(ceil(max(most, 1) / step) + 1)]


def _nice(step: float) -> float:
    power: float = 10.0 ** floor(log10(step))
    return next(nice * power for nice in _NICE if nice * power >= step * (1 - 1e-9))


def shares() -> list[float]:
    """0, 25, 50, 75 and 100 %."""
    return [0.0, 0.25, 0.5, 0.75, 1.0]


def paint_across(painter: QPainter, plot: QRectF, ticks: Sequence[tuple[float, str]], grid: QColor, ink: QColor) -> None:
    """Upright grid lines with their numbers below.

    Args:
        painter: in px of the chart.
        plot: where the data lie.
        ticks: (x, text) of each.
        grid: colour of the lines.
        ink: of the numbers.
    """
    line = painter.fontMetrics().height()
    for x, text in ticks:
        painter.setPen(QPen(grid, 1))
        painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))
        painter.setPen(ink)
        painter.drawText(QRectF(x - 60, plot.bottom() + 3, 120, line), _CENTRE | _MIDDLE, text)


def paint_up(painter: QPainter, plot: QRectF, ticks: Sequence[tuple[float, str]], grid: QColor, ink: QColor) -> None:
    """Level grid lines with their numbers at the left; arguments as of `paint_across`, with y for x."""
    line = painter.fontMetrics().height()
    for y, text in ticks:
        painter.setPen(QPen(grid, 1))
        painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
        painter.setPen(ink)
        painter.drawText(QRectF(plot.left() - 86, y - line / 2, 80, line), _RIGHT | _MIDDLE, text)


def paint_left(painter: QPainter, room: QRectF, text: str, ink: QColor) -> None:
    """A text at the left of its room, its middle left out where room is short."""
    painter.setPen(ink)
    short = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, int(room.width()))
    painter.drawText(room, _LEFT | _MIDDLE, short)


def paint_right(painter: QPainter, room: QRectF, text: str, ink: QColor) -> None:
    """A text at the right of its room."""
    painter.setPen(ink)
    painter.drawText(room, _RIGHT | _MIDDLE, text)


def paint_inside(painter: QPainter, room: QRectF, text: str, ink: QColor, plate: QColor | None = None) -> None:
    """A text in the middle of an area, where it fits; on a plate of its own where the area is hatched."""
    metrics = painter.fontMetrics()
    width = metrics.horizontalAdvance(text) + 6
    if width > room.width() or metrics.height() > room.height() + 2:
        return
    if plate is not None:
        painter.fillRect(QRectF(room.center().x() - width / 2, room.top(), width, room.height()), plate)
    painter.setPen(ink)
    painter.drawText(room, Qt.AlignmentFlag.AlignCenter, text)
