"""The picture under the boxes, drawn from the copy whose size fits the zoom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter

if TYPE_CHECKING:
    from fpn_viewer.core.imaging.boxes import Frame
    from fpn_viewer.engine.values import PictureView

#: px of a copy that is converted to the screen's format as a whole, 4 bytes each; of larger ones only what is in view is read
_WHOLE = 5_000_000
#: from this many view px per image px on, pixels are shown as squares
_SQUARES = 2.0


class Backdrop:
    """Draws a picture at any zoom."""

    def __init__(self) -> None:
        """Makes a backdrop without picture."""
        self._view: PictureView | None = None
        self._images: dict[int, QImage] = {}

    def set_picture(self, view: PictureView | None) -> None:
        """Draws another picture from now on."""
        if view is not self._view:
            self._view, self._images = view, {}

    def draw(self, painter: QPainter, frame: Frame, ratio: float, moving: bool) -> None:
        """Draws what is in view.

        Args:
            painter: in view px.
            frame: where the picture lies, view px.
            ratio: device px per view px.
            moving: a gesture is going on: no smoothing, which takes 7 ms instead of 1.
        """
        if self._view is None:
            return
        full = self._view.picture.size
        index = _copy_for(len(self._view.reduced), frame.scale * ratio)
        pixels = self._view.reduced[index]
        # image px per px of the copy; the last px of an odd side is a bit smaller
        step = full[1] / pixels.shape[1], full[0] / pixels.shape[0]
        x0, y0, x1, y1 = _in_view(frame, pixels.shape, step)
        if x0 >= x1 or y0 >= y1:
            return
        source = QRectF(x0, y0, x1 - x0, y1 - y0)
        left, top = (o + start * s * frame.scale for o, start, s in zip(frame.offset, (x0, y0), step, strict=True))
        target = QRectF(left, top, source.width() * step[0] * frame.scale, source.height() * step[1] * frame.scale)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not moving and frame.scale < _SQUARES)
        if pixels.shape[0] * pixels.shape[1] <= _WHOLE:
            painter.drawImage(target, self._whole(index, pixels), source)
        else:
            painter.drawImage(target, _image(np.ascontiguousarray(pixels[y0:y1, x0:x1])))

    def _whole(self, index: int, pixels: np.ndarray) -> QImage:
        if index not in self._images:
            self._images[index] = _image(pixels)
        return self._images[index]


def _copy_for(count: int, device_scale: float) -> int:
    """Of copies at 1, 1/2, 1/4 … the smallest that still has a px for every device px."""
    halvings = int(np.floor(np.log2(1 / device_scale))) if device_scale < 1 else 0
    return min(halvings, count - 1)


def _in_view(frame: Frame, shape: tuple[int, ...], step: tuple[float, float]) -> tuple[int, int, int, int]:
    """The px of the copy that are at least partly in the frame, x0, y0, x1, y1."""
    low, high = [], []
    for axis in (0, 1):
        scale, side = frame.scale * step[axis], frame.size[1 - axis]
        low.append(max(0, int(np.floor(-frame.offset[axis] / scale))))
        high.append(min(shape[1 - axis], int(np.ceil((side - frame.offset[axis]) / scale))))
    return low[0], low[1], high[0], high[1]


def _image(pixels: np.ndarray) -> QImage:
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_RGB888).convertToFormat(
        QImage.Format.Format_RGB32
    )
