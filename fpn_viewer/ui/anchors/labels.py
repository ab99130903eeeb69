"""Where labels of boxes go: beside their box, inside the view, not on each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from PySide6.QtGui import QColor, QFontMetricsF, QPainter

_AIR = 4.0


def place_labels(rects: Sequence[QRectF], sizes: Sequence[QSizeF], view: QRectF) -> list[QRectF | None]:
    """Finds a place for each label: above its box, else inside, below or at the right end, moved into the view.

    Args:
        rects: the boxes, most important first, view px.
        sizes: of their labels.
        view: the room there is.

    Returns:
        For each box the label's place, or None when the box is out of view or every place is taken.
    """
    placed: list[QRectF | None] = []
    for rect, size in zip(rects, sizes, strict=True):
        seen = rect.intersected(view)
        taken = [one for one in placed if one is not None]
        places = (_held(QRectF(corner, size), view) for corner in _corners(seen, size)) if rect.intersects(view) else ()
        placed.append(_first_free(places, taken))
    return placed


def draw_label(painter: QPainter, place: QRectF, text: str, colour: QColor) -> None:
    """Draws a text on a plate of one colour, black or white, whichever can be read on it."""
    painter.fillRect(place, colour)
    painter.setPen(Qt.GlobalColor.black if _bright(colour) else Qt.GlobalColor.white)
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)


def label_size(metrics: QFontMetricsF, text: str) -> QSizeF:
    """The plate that a text needs."""
    return QSizeF(metrics.horizontalAdvance(text) + 2 * _AIR, metrics.height())


def _corners(seen: QRectF, size: QSizeF) -> tuple[QPointF, ...]:
    height, right = size.height(), seen.right() - size.width()
    return (
        QPointF(seen.left(), seen.top() - height),
        seen.topLeft(),
        seen.bottomLeft(),
        QPointF(right, seen.top() - height),
        QPointF(right, seen.top()),
        QPointF(right, seen.bottom()),
    )


def _held(place: QRectF, view: QRectF) -> QRectF:
    held = QRectF(place)
    held.moveLeft(max(view.left(), min(place.left(), view.right() - place.width())))
    held.moveTop(max(view.top(), min(place.top(), view.bottom() - place.height())))
    return held


def _first_free(places: Iterable[QRectF], taken: Sequence[QRectF]) -> QRectF | None:
    return next((place for place in places if not any(place.intersects(one) for one in taken)), None)


def _bright(colour: QColor) -> bool:
    # relative luminance (WCAG 2.2) at which black and white read equally well
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (colour.redF(), colour.greenF(), colour.blueF())]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.179
