"""How surely something is known, as a mark: told apart by its shape first, by its colour second."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPixmap

if TYPE_CHECKING:
    from PySide6.QtGui import QPalette

#: px
SIDE = 14
#: a full disc, half a disc, an empty broken ring; the fills are Okabe and Ito's, the outline is the text's
FILLS: dict[str, tuple[str, int]] = {"certain": ("#009E73", 360), "likely": ("#E69F00", 180), "assumed": ("#D55E00", 0)}
MEANINGS: dict[str, str] = {
    "certain": "It is written in the file, follows from its tensors, or you said it.",
    "likely": "Something speaks for it; check it if results look wrong.",
    "assumed": "Nothing in the file says it: it is the usual value. Check it against your training.",
}


def mark(word: str, palette: QPalette, ratio: float = 1.0) -> QPixmap:
    """The mark of a word of `values.SURENESS`.

    Args:
        word: how surely.
        palette: of the widget that shows it.
        ratio: device px for each px.
    """
    made = QPixmap.fromImage(_drawn(word, palette.text().color().name(), ratio))
    made.setDevicePixelRatio(ratio)
    return made


@cache
def _drawn(word: str, outline: str, ratio: float) -> QImage:
    side = round(SIDE * ratio)
    image = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(ratio, ratio)
    disc = QRectF(2, 2, SIDE - 4, SIDE - 4)
    colour, degrees = FILLS[word]
    if degrees:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colour))
        painter.drawPie(disc, 90 * 16, degrees * 16)
    pen = QPen(QColor(outline if degrees else colour), 1.25 if degrees else 2)
    if not degrees:
        pen.setDashPattern([1.6, 1.4])
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawEllipse(disc)
    painter.end()
    return image
