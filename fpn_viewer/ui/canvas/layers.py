"""What equally large cells share, drawn once for all of them: the picture in view, and the boxes over it."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPainter

from fpn_viewer.core.imaging.colours import lut, lut_for
from fpn_viewer.ui.canvas import overlays
from fpn_viewer.ui.canvas.rasters import Raster, packed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from PySide6.QtGui import QColor, QFont

    from fpn_viewer.core.structures import Detections
    from fpn_viewer.engine.values import Bytes, PictureView, Plane
    from fpn_viewer.ui.canvas.rasters import Drawn, Shared
    from fpn_viewer.ui.canvas.view import View
    from fpn_viewer.viewmodels.objects import ObjectRow

#: from this many device px per image px on a picture shows its pixels
_PIXELS_FROM = 2.0


def picture_raster(view: PictureView) -> Raster:
    """A picture ready to be drawn."""
    h, w = view.reduced[0].shape[:2]
    return Raster(view.reduced, (0.0, 0.0, float(w), float(h)))


def map_raster(plane: Plane) -> Raster:
    """A plane ready to be drawn; its colours are made once."""
    colour = packed if plane.values.ndim == 3 else partial(_looked_up, lut_for(plane.signed))
    return Raster([plane.values], plane.box_img, colour)


@cache
def _words(name: str) -> NDArray[np.uint32]:
    words: NDArray[np.uint32] = packed(lut(name)[None])[0]
    return words


def _looked_up(name: str, values: Bytes) -> NDArray[np.uint32]:
    words: NDArray[np.uint32] = _words(name)[values]
    return words


class Frame:
    """One view of the picture, shared by all cells of that size until the view changes.

    Attributes:
        view: where the picture lies.
        base: the picture with the background around it, in device px, its ratio set.
    """

    def __init__(self, view: View, picture: Raster | None, ground: QColor) -> None:
        """Draws the picture.

        Args:
            view: where the picture lies.
            picture: its pixels, or None.
            ground: the colour around it.
        """
        self.view = view
        self.base = _image(view, QImage.Format.Format_RGB32, ground)
        self._shared: Shared = {}
        self._boxes: dict[bool, QImage] = {}
        self._truth: dict[bool, tuple[Sequence[ObjectRow], QImage]] = {}
        if picture is not None:
            magnified = view.scale * view.ratio
            drawn = picture.drawn(view, smooth=1 + 1e-6 < magnified < _PIXELS_FROM)
            if drawn is not None:
                painter = QPainter(self.base)
                painter.drawImage(drawn.place, drawn.image)
                painter.end()

    def draw(self, raster: Raster, smooth: bool) -> Drawn | None:
        """A map in this view, or None when nothing of it is in view."""
        return raster.drawn(self.view, smooth, self._shared)

    def boxes(self, detections: Detections, names: Sequence[str], named: bool, font: QFont) -> QImage:
        """The detections on a transparent ground; see `overlays.draw_detections`."""
        if named not in self._boxes:
            draw = partial(overlays.draw_detections, view=self.view, detections=detections, names=names, named=named)
            self._boxes[named] = self._layer(font, draw)
        return self._boxes[named]

    def truth(self, rows: Sequence[ObjectRow], named: bool, font: QFont) -> QImage:
        """The annotated objects on a transparent ground; see `overlays.draw_truth`."""
        if named not in self._truth or self._truth[named][0] is not rows:
            draw = partial(overlays.draw_truth, view=self.view, rows=rows, named=named)
            self._truth[named] = rows, self._layer(font, draw)
        return self._truth[named][1]

    def _layer(self, font: QFont, draw: Callable[[QPainter], None]) -> QImage:
        image = _image(self.view, QImage.Format.Format_ARGB32_Premultiplied, Qt.GlobalColor.transparent)
        painter = QPainter(image)
        painter.setFont(font)
        draw(painter)
        painter.end()
        return image


def _image(view: View, kind: QImage.Format, ground: QColor | Qt.GlobalColor) -> QImage:
    image = QImage(*view.device_size, kind)
    image.fill(ground)
    image.setDevicePixelRatio(view.ratio)
    return image
