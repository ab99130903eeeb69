"""The program's icons: SVG drawings of one line weight, coloured like the text beside them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer

from fpn_viewer.core.resources import resources

if TYPE_CHECKING:
    from PySide6.QtGui import QColor

#: px; the sizes asked for at scale factors 1 to 2, and what a desktop shows of the window icon
_SIZES = (16, 20, 24, 32, 40, 48, 64, 128, 256)
_GROUPS = {QIcon.Mode.Normal: QPalette.ColorGroup.Active, QIcon.Mode.Disabled: QPalette.ColorGroup.Disabled}
_LINE_SIZES = _SIZES[:7]


@cache
def _source(name: str) -> str:
    return (resources() / "icons" / f"{name}.svg").read_text(encoding="utf-8")


def _drawn(name: str, side: int, colour: QColor | None) -> QPixmap:
    text = _source(name) if colour is None else _source(name).replace("currentColor", colour.name())
    pixmap = QPixmap(side, side)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    QSvgRenderer(QByteArray(text.encode())).render(painter, QRectF(0, 0, side, side))
    painter.end()
    return pixmap


def icon(name: str, palette: QPalette) -> QIcon:
    """An icon in the palette's text colour; to be made again when the palette changes.

    Args:
        name: The name of a file of `resources/icons`, without its ending.
        palette: The palette of the widget that shows it.

    Raises:
        FileNotFoundError: There is no such drawing.
    """
    made = QIcon()
    for mode, group in _GROUPS.items():
        colour = palette.color(group, QPalette.ColorRole.ButtonText)
        for side in _LINE_SIZES:
            made.addPixmap(_drawn(name, side, colour), mode)
    return made


def pixmap(name: str, side: int, ratio: float, palette: QPalette) -> QPixmap:
    """An icon as a picture, for labels.

    Args:
        name: As for `icon`.
        side: Width and height in device-independent px.
        ratio: Device px for each of them.
        palette: The palette of the widget that shows it.
    """
    made = _drawn(name, round(side * ratio), palette.color(QPalette.ColorRole.WindowText))
    made.setDevicePixelRatio(ratio)
    return made


def window_icon() -> QIcon:
    """The program's own icon, in the colours of the pyramid's levels."""
    made = QIcon()
    for side in _SIZES:
        made.addPixmap(_drawn("fpn-viewer", side, None))
    return made
