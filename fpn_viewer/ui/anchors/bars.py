"""Colour bars in the corner of the view: what a colour of a map means, with unit and range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage

from fpn_viewer.core.imaging.boxes import density_table, log_share, tint_table
from fpn_viewer.core.imaging.colours import lut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PySide6.QtGui import QPainter

    from fpn_viewer.ui.anchors.raster import Raster

_WIDTH, _HEIGHT, _MARGIN, _AIR = 200.0, 8.0, 12.0, 8.0
_PLATE, _INK = QColor(20, 22, 26, 220), QColor("#F3F4F6")


@dataclass(frozen=True, eq=False)
class Bar:
    """One colour bar.

    Attributes:
        caption: what the numbers are, with their unit.
        colours: (256,) ARGB32 premultiplied, left to right.
        ticks: (place 0..1, text) of the numbers below it.
    """

    caption: str
    colours: NDArray[np.uint32]
    ticks: tuple[tuple[float, str], ...]


def density_bar(raster: Raster, what: str, lut_name: str) -> Bar:
    """The bar of a density: counts 1 to its top, logarithmic.

    Args:
        raster: a density.
        what: "anchors".
        lut_name: of a density over several levels.
    """
    top = raster.top
    colour = QColor(raster.tint)
    rgb = colour.red(), colour.green(), colour.blue()
    table = tint_table(rgb, top) if raster.tint else density_table(lut(lut_name), top)
    counts = np.rint(top ** np.linspace(0, 1, 256)).astype(np.intp)
    numbers = [n for n in (1, 10, 100, 1000, 10_000) if n * 4 <= top] + [top]
    ticks = tuple((float(log_share(n, top)), f"{n:,}") for n in numbers)
    return Bar(f"{what} per px (edges, log scale)", table[counts], ticks)


def unit_bar(caption: str, lut_name: str) -> Bar:
    """The bar of a probability, 0 to 1."""
    rgb = lut(lut_name).astype(np.uint32)
    colours = 0xFF000000 | rgb[:, 0] << 16 | rgb[:, 1] << 8 | rgb[:, 2]
    return Bar(caption, colours.astype(np.uint32), ((0.0, "0"), (0.5, "0.5"), (1.0, "1")))


def paint_bars(painter: QPainter, bars: Sequence[Bar], view: QRectF, width: float = _WIDTH) -> QRectF:
    """Draws bars in the lower left corner, on a dark plate in both themes, since they belong to data.

    Args:
        painter: in view px.
        bars: from top to bottom.
        view: what can be seen.
        width: of a bar, view px.

    Returns:
        The plate, view px; empty without bars.
    """
    line = float(painter.fontMetrics().height())
    each = 2 * line + _HEIGHT + 4
    height = each * len(bars) + _AIR * (len(bars) + 1)
    if not bars:
        return QRectF()
    plate = QRectF(view.left() + _MARGIN, view.bottom() - _MARGIN - height, width + 4 * _AIR, height)
    painter.fillRect(plate, _PLATE)
    for index, bar in enumerate(bars):
        _paint_bar(painter, bar, plate.left() + 2 * _AIR, plate.top() + _AIR + index * (each + _AIR), width)
    return plate


def _paint_bar(painter: QPainter, bar: Bar, x: float, y: float, width: float) -> None:
    line = float(painter.fontMetrics().height())
    painter.setPen(_INK)
    painter.drawText(QRectF(x, y, width + _AIR, line), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, bar.caption)
    image = QImage(bar.colours.data, len(bar.colours), 1, 4 * len(bar.colours), QImage.Format.Format_ARGB32_Premultiplied)
    painter.drawImage(QRectF(x, y + line + 2, width, _HEIGHT), image)
    for place, text in bar.ticks:
        room = painter.fontMetrics().horizontalAdvance(text)
        left = min(max(x + place * width - room / 2, x), x + width - room)
        painter.drawText(QRectF(left, y + line + _HEIGHT + 4, room + 2, line), Qt.AlignmentFlag.AlignLeft, text)
