"""The program's icons: SVG drawings of one line weight, coloured like the text beside them."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QImage, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer

from fpn_viewer.core.resources import resources

#: px; buttons ask for 16 and 20 at scale factors from 1 to 2
_SIZES = (16, 20, 24, 32, 40)
#: px; what a desktop shows of a window
_WINDOW_SIZES = (16, 32, 64, 128, 256)
_GROUPS = {QIcon.Mode.Normal: QPalette.ColorGroup.Active, QIcon.Mode.Disabled: QPalette.ColorGroup.Disabled}


@cache
def _source(name: str) -> str:
    return (resources() / "icons" / f"{name}.svg").read_text(encoding="utf-8")


# An image and not a pixmap, because pixmaps must not outlive the application.
@cache
def _drawn(name: str, side: int, colour: str) -> QImage:
    image = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    text = _source(name).replace("currentColor", colour)
    QSvgRenderer(QByteArray(text.encode())).render(painter, QRectF(0, 0, side, side))
    painter.end()
    return image


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
        colour = palette.color(group, QPalette.ColorRole.ButtonText).name()
        for side in _SIZES:
            made.addPixmap(QPixmap.fromImage(_drawn(name, side, colour)), mode)
    return made


def pixmap(name: str, side: int, ratio: float, palette: QPalette) -> QPixmap:
    """An icon as a picture, for labels.

    Args:
        name: As for `icon`.
        side: Width and height in device-independent px.
        ratio: Device px for each of them.
        palette: The palette of the widget that shows it.
    """
    made = QPixmap.fromImage(_drawn(name, round(side * ratio), palette.color(QPalette.ColorRole.WindowText).name()))
    made.setDevicePixelRatio(ratio)
    return made


def window_icon() -> QIcon:
    """The program's own icon, in the colours of the pyramid's levels."""
    made = QIcon()
    for side in _WINDOW_SIZES:
        made.addPixmap(QPixmap.fromImage(_drawn("fpn-viewer", side, "")))
    return made
