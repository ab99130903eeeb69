"""Small painted things around a map: the colour bar with its numbers, the lock, chips and the striped badge."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPalette, QPen

from fpn_viewer.core.imaging.colours import lut, lut_for
from fpn_viewer.ui.canvas.rasters import as_image, packed

if TYPE_CHECKING:
    from PySide6.QtGui import QFontMetrics, QImage

    from fpn_viewer.engine.values import Plane

SMALL = 0.86
GAP = 4.0
BAR_HEIGHT = 6.0
#: a colour bar narrower than this says nothing and is left out
_MIN_BAR = 12.0
#: a wider strip has room for the unit beside the bar
_WIDE = 360.0
_CHIP_GROUND = QColor(16, 18, 22, 190)
_CHIP_TEXT = QColor("#ffffff")
_STRIPES = (QColor("#F2C14E"), QColor("#2A2A2A"))
_COMPONENTS = (("#E5484D", "1"), ("#30A46C", "2"), ("#3E8EED", "3"))


def number(value: float) -> str:
    """A number with three significant digits: "0.0123", "12.0", "1.23e6", "−0.500"."""
    text = f"{value:#.3g}".replace("-", "−") if value else "0"
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}e{exponent.lstrip('+').replace('−0', '−').lstrip('0')}" if e else text.removesuffix(".")


def small_font(font: QFont) -> QFont:
    """The second of the two text sizes, with figures of equal width."""
    small = QFont(font)
    small.setPointSizeF(font.pointSizeF() * SMALL if font.pointSizeF() > 0 else 8.0)
    small.setFeature(QFont.Tag("tnum"), 1)
    return small


def strip_height(font: QFont) -> float:
    """Height of the colour bar's strip in view px, for `small_font(font)`."""
    return float(round(QFontMetricsF(font).height())) + 2


@cache
def _bar(name: str) -> QImage:
    return as_image(packed(lut(name)[None])).copy()


def draw_colour_bar(painter: QPainter, rect: QRectF, plane: Plane, locked: bool, palette: QPalette) -> None:
    """Low number, bar and high number in a strip; a lock before them when the scale is locked.

    Args:
        painter: with the small font set.
        rect: the strip.
        plane: whose range is written.
        locked: draws the lock.
        palette: for the text's colour.
    """
    ink = palette.color(QPalette.ColorRole.WindowText)
    painter.setPen(ink)
    if locked:
        rect = _lock_before(painter, rect, ink)
    if plane.values.ndim == 3:
        _draw_components(painter, rect)
        return
    low, high = _ends(plane, rect.width(), painter.fontMetrics())
    if rect.width() > _WIDE:
        rest = rect.adjusted(_WIDE + 4 * GAP, 0, 0, 0)
        painter.drawText(rest, Qt.AlignmentFlag.AlignVCenter, plane.unit)
        rect = QRectF(rect.x(), rect.y(), _WIDE, rect.height())
    metrics = painter.fontMetrics()
    left, right = metrics.horizontalAdvance(low), metrics.horizontalAdvance(high)
    middle = Qt.AlignmentFlag.AlignVCenter
    painter.drawText(rect, middle | Qt.AlignmentFlag.AlignLeft, low)
    painter.drawText(rect, middle | Qt.AlignmentFlag.AlignRight, high)
    bar = QRectF(rect.x() + left + GAP, rect.center().y() - BAR_HEIGHT / 2, rect.width() - left - right - 2 * GAP, BAR_HEIGHT)
    if bar.width() >= _MIN_BAR:
        painter.drawImage(bar, _bar(lut_for(plane.signed)))
        if plane.signed:
            _tick(painter, bar, ink)


def _ends(plane: Plane, room: float, metrics: QFontMetrics) -> tuple[str, str]:
    """What is written at both ends of the bar; one number for both signs where two would leave no bar."""
    low, high = number(plane.low), number(plane.high)
    taken = metrics.horizontalAdvance(low) + metrics.horizontalAdvance(high) + 2 * GAP
    return ("", f"±{high}") if plane.low == -plane.high and room - taken < _MIN_BAR else (low, high)


def _tick(painter: QPainter, bar: QRectF, ink: QColor) -> None:
    x = round(bar.center().x())
    painter.fillRect(QRectF(x, bar.y() - 1, 1, bar.height() + 2), ink)


def _draw_components(painter: QPainter, rect: QRectF) -> None:
    width = rect.width() / len(_COMPONENTS)
    for place, (colour, name) in enumerate(_COMPONENTS):
        cell = QRectF(rect.x() + place * width, rect.y(), width, rect.height())
        painter.fillRect(QRectF(cell.x(), cell.center().y() - 3, 6, 6), QColor(colour))
        painter.drawText(cell.adjusted(9, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, f"PC {name}" if width > 48 else name)


def _lock_before(painter: QPainter, rect: QRectF, ink: QColor) -> QRectF:
    side = min(rect.height() - 4, 10.0)
    draw_lock(painter, QRectF(rect.x(), rect.center().y() - side / 2, side, side), ink)
    return rect.adjusted(side + GAP, 0, 0, 0)


def draw_lock(painter: QPainter, rect: QRectF, ink: QColor) -> None:
    """A padlock."""
    w, h = rect.width(), rect.height()
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(ink, max(1.2, w * 0.14)))
    shackle = QPainterPath()
    shackle.arcMoveTo(QRectF(rect.x() + w * 0.24, rect.y() + h * 0.06, w * 0.52, h * 0.76), 0)
    shackle.arcTo(QRectF(rect.x() + w * 0.24, rect.y() + h * 0.06, w * 0.52, h * 0.76), 0, 180)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(shackle)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink)
    painter.drawRoundedRect(QRectF(rect.x() + w * 0.1, rect.y() + h * 0.46, w * 0.8, h * 0.52), 1.5, 1.5)
    painter.restore()


def draw_chip(painter: QPainter, corner: QPointF, text: str, ground: QColor = _CHIP_GROUND) -> QRectF:
    """Text on a dark ground, readable on any picture; `corner` is its upper left one, the answer its rectangle."""
    metrics = QFontMetricsF(painter.font())
    rect = QRectF(corner.x(), corner.y(), metrics.horizontalAdvance(text) + 8, metrics.height() + 1)
    painter.fillRect(rect, ground)
    painter.setPen(_CHIP_TEXT)
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
    return rect


def draw_striped(painter: QPainter, rect: QRectF, text: str) -> None:
    """A badge with warning stripes at both ends: what it says of the maps must not be overlooked."""
    painter.save()
    painter.setClipRect(rect, Qt.ClipOperation.IntersectClip)
    painter.fillRect(rect, _STRIPES[1])
    painter.setPen(QPen(_STRIPES[0], 4))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    reach = rect.height()
    for x in range(int(rect.x() - reach), int(rect.right() + reach), 11):
        painter.drawLine(QPointF(x, rect.bottom() + 2), QPointF(x + reach, rect.top() - 2))
    width = min(rect.width() - 8, QFontMetricsF(painter.font()).horizontalAdvance(text) + 8)
    painter.fillRect(QRectF(rect.center().x() - width / 2, rect.y() + 2, width, rect.height() - 4), QBrush(_STRIPES[1]))
    painter.setPen(_STRIPES[0])
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
    painter.restore()
