"""The program's icons: SVG drawings of one line weight, coloured like the text beside them."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QGuiApplication, QIcon, QImage, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer

from fpn_viewer.core.resources import resources

#: device-independent px that buttons ask for
_SIDES = (16, 20)
#: px; for screens of a scale that was not there when the icon was drawn
_LARGEST = 40
#: px; what a desktop shows of a window
_WINDOW_SIZES = (16, 32, 64, 128, 256)
_GROUPS = {QIcon.Mode.Normal: QPalette.ColorGroup.Active, QIcon.Mode.Disabled: QPalette.ColorGroup.Disabled}


@cache
def _source(name: str) -> str:
    return (resources() / "icons" / f"{name}.svg").read_text(encoding="utf-8")


# Images and not pixmaps, because pixmaps must not outlive the application.
@cache
def _drawn(name: str, sides: tuple[int, ...], colour: str) -> tuple[QImage, ...]:
    text = _source(name).replace("currentColor", colour)
    drawing = QSvgRenderer(QByteArray(text.encode()))
    return tuple(_painted(drawing, side) for side in sides)


def _painted(drawing: QSvgRenderer, side: int) -> QImage:
    image = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    drawing.render(painter, QRectF(0, 0, side, side))
    painter.end()
    return image


def _button_sides() -> tuple[int, ...]:
    """Device px in which buttons of the screens that are there show icons."""
    ratios = {screen.devicePixelRatio() for screen in QGuiApplication.screens()}
    return tuple(sorted({_LARGEST, *(round(side * ratio) for side in _SIDES for ratio in ratios)}))


def icon(name: str, palette: QPalette) -> QIcon:
    """An icon in the palette's text colour; to be made again when the palette changes.

    Args:
        name: The name of a file of `resources/icons`, without its ending.
        palette: The palette of the widget that shows it.

    Raises:
        FileNotFoundError: There is no such drawing.
    """
    made, sides = QIcon(), _button_sides()
    for mode, group in _GROUPS.items():
        colour = palette.color(group, QPalette.ColorRole.ButtonText).name()
        for image in _drawn(name, sides, colour):
            made.addPixmap(QPixmap.fromImage(image), mode)
    return made


def pixmap(name: str, side: int, ratio: float, palette: QPalette) -> QPixmap:
    """An icon as a picture, for labels.

    Args:
        name: As for `icon`.
        side: Width and height in device-independent px.
        ratio: Device px for each of them.
        palette: The palette of the widget that shows it.
    """
    (image,) = _drawn(name, (round(side * ratio),), palette.color(QPalette.ColorRole.WindowText).name())
    made = QPixmap.fromImage(image)
    made.setDevicePixelRatio(ratio)
    return made


def window_icon() -> QIcon:
    """The program's own icon, in the colours of the pyramid's levels."""
    made = QIcon()
    for image in _drawn("fpn-viewer", _WINDOW_SIZES, ""):
        made.addPixmap(QPixmap.fromImage(image))
    return made
