"""What a cell is composed of: the picture, which all cells share, and one coloured map over it."""

from __future__ import annotations

from collections import OrderedDict
from functools import cache, partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QImage, QPainter

from fpn_viewer.core.imaging.colours import lut, lut_for
from fpn_viewer.ui.canvas.rasters import Raster, packed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PySide6.QtGui import QColor

    from fpn_viewer.engine.values import Bytes, PictureView, Plane
    from fpn_viewer.ui.canvas.view import View

#: views kept: the grid's cells, the enlarged one and its strip, once more for another ratio
_KEPT_VIEWS = 4
#: from this many device px per image px on a picture shows its pixels
_PIXELS_FROM = 2.0


class PictureLayer:
    """The picture as drawn under every map; views of equal size and place share one drawing."""

    def __init__(self) -> None:
        self._raster: Raster | None = None
        self._bases: OrderedDict[tuple[View, int], QImage] = OrderedDict()

    def set_picture(self, view: PictureView | None) -> None:
        """Shows another picture, or none."""
        self._bases.clear()
        self._raster = None
        if view is not None:
            h, w = view.reduced[0].shape[:2]
            self._raster = Raster(view.reduced, (0.0, 0.0, float(w), float(h)))

    def base(self, view: View, background: QColor) -> QImage:
        """The picture in a view, with the background around it; RGB32 in device px."""
        key = (view, background.rgb())
        if key not in self._bases:
            self._bases[key] = self._drawn(view, background)
            if len(self._bases) > _KEPT_VIEWS:
                self._bases.popitem(last=False)
        self._bases.move_to_end(key)
        return self._bases[key]

    def _drawn(self, view: View, background: QColor) -> QImage:
        image = QImage(*view.device_size, QImage.Format.Format_RGB32)
        image.fill(background)
        if self._raster is not None:
            magnified = view.scale * view.ratio
            painter = QPainter(image)
            self._raster.draw(painter, view, smooth=1 + 1e-6 < magnified < _PIXELS_FROM)
            painter.end()
        return image


def map_raster(plane: Plane) -> Raster:
    """A plane ready to be drawn; its colours are made once."""
    colour = packed if plane.values.ndim == 3 else partial(_looked_up, lut_for(plane.signed))
    return Raster([plane.values], plane.box_img, colour)


@cache
def _words(name: str) -> NDArray[np.uint32]:
    return packed(lut(name)[None])[0]


def _looked_up(name: str, values: Bytes) -> NDArray[np.uint32]:
    return _words(name)[values]


def composed(base: QImage, raster: Raster | None, view: View, opacity: float, smooth: bool) -> QImage:
    """The picture with a map over it.

    Args:
        base: what `PictureLayer.base` drew for this view.
        raster: the map, or None.
        view: where the picture lies.
        opacity: of the map, 0..1.
        smooth: draw the map interpolated.
    """
    image = QImage(base)
    if raster is not None and opacity > 0:
        painter = QPainter(image)
        painter.setOpacity(opacity)
        raster.draw(painter, view, smooth)
        painter.end()
    image.setDevicePixelRatio(view.ratio)
    return image
