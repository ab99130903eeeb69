"""Where labels of boxes go: beside their box, inside the view, not on each other."""

from __future__ import annotations

from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSizeF
from PySide6.QtGui import QColor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QFontMetricsF, QPainter

_AIR = 4.0


def place_labels(rects: Sequence[QRectF], sizes: Sequence[QSizeF], view: QRectF) -> list[QRectF | None]:
    """Finds a place for each label: above its box, else inside, below or at the right end, moved into the view.

    Args:
        rects: the boxes, most important first, view px.
        sizes: of their labels.
        view: the room there is; its corner is the origin.

    Returns:
        For each box the label's place, or None when the box is out of view or every place is taken.
    """
    room = _Room(view.width(), view.height())
    placed: list[QRectF | None] = []
    for rect, size in zip(rects, sizes, strict=True):
        corner = room.take(rect.intersected(view), size.width(), size.height()) if rect.intersects(view) else None
        placed.append(None if corner is None else QRectF(QPointF(*corner), size))
    return placed


class _Room:
    """Which parts of the view are taken, in squares of two px: an integer for each line of them, a bit for each square."""

    def __init__(self, width: float, height: float) -> None:
        self._width, self._height = width, height
        self._taken = [0] * (ceil(height / 2) + 1)

    def take(self, seen: QRectF, width: float, height: float) -> tuple[float, float] | None:
        """Takes the first free place at a box; its upper left corner, or None."""
        left, top, right, bottom = seen.left(), seen.top(), seen.right(), seen.bottom()
        for x in (left, right - width):
            x = max(0.0, min(x, self._width - width))
            bits = (1 << ceil((x + width) / 2)) - (1 << int(x / 2))
            for y in (top - height, top, bottom):
                y = max(0.0, min(y, self._height - height))
                lines = range(int(y / 2), min(ceil((y + height) / 2), len(self._taken)))
                if not any(self._taken[line] & bits for line in lines):
                    for line in lines:
                        self._taken[line] |= bits
                    return x, y
        return None


def draw_label(painter: QPainter, place: QRectF, text: str, colour: QColor) -> None:
    """Draws a text on a plate of one colour, black or white, whichever can be read on it."""
    painter.fillRect(place, colour)
    painter.setPen(_ink(colour.rgb()))
    # at a point, which takes less time than aligning it
    painter.drawText(QPointF(place.left() + _AIR, place.top() + painter.fontMetrics().ascent()), text)


def label_size(metrics: QFontMetricsF, text: str) -> QSizeF:
    """The plate that a text needs."""
    return QSizeF(metrics.horizontalAdvance(text) + 2 * _AIR, metrics.height())


@lru_cache(maxsize=64)
def _ink(rgb: int) -> QColor:
    """Black or white, whichever can be read on a colour."""
    colour = QColor(rgb)
    # relative luminance (WCAG 2.2) at which black and white read equally well
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (colour.redF(), colour.greenF(), colour.blueF())]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return QColor("#000000") if luminance > 0.179 else QColor("#FFFFFF")
