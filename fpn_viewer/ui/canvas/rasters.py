"""Pictures and maps as RGB32 rasters with halved versions, drawn through a view.

Above one device px per sample every device px takes the sample its centre lies in, so that a cell lights exactly its rectangle;
below, halved versions are drawn interpolated, so that no cell is skipped.
"""

from __future__ import annotations

from math import ceil, floor, log2
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QImage, QPainter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fpn_viewer.core.geometry import Box
    from fpn_viewer.engine.values import Bytes
    from fpn_viewer.ui.canvas.view import View

    Words = NDArray[np.uint32]
    Span = tuple[int, int]

_OPAQUE = np.uint32(0xFF000000)
#: samples of a picture that are kept as RGB32; of larger ones the part in view is converted for each drawing
_KEPT_SAMPLES = 16_000_000


def packed(rgb: Bytes) -> Words:
    """(h, w, 3) RGB as (h, w) RGB32 words."""
    wide = rgb.astype(np.uint32)
    out: Words = _OPAQUE | wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]
    return out


def halved(values: Bytes) -> Bytes:
    """Means of 2×2 samples, (ceil(h / 2), ceil(w / 2), …); the last row or column of an odd side counts twice."""
    h, w = values.shape[:2]
    even = np.pad(values, [(0, h % 2), (0, w % 2), *[(0, 0)] * (values.ndim - 2)], mode="edge").astype(np.uint16)
    total = even[0::2, 0::2] + even[1::2, 0::2] + even[0::2, 1::2] + even[1::2, 1::2]
    return ((total + 2) >> 2).astype(np.uint8)


def as_image(words: Words) -> QImage:
    """The words as a QImage that borrows them: it must not outlive the array."""
    h, w = words.shape
    return QImage(words.data, w, h, 4 * w, QImage.Format.Format_RGB32)


class Raster:
    """Samples on a box of the picture, with halved versions that are made when they are first drawn.

    Attributes:
        box_img: what the finest samples cover, xyxy image px.
    """

    def __init__(self, levels: Sequence[Bytes], box_img: Box, colour: Callable[[Bytes], Words] = packed) -> None:
        """Nothing is coloured before it is drawn.

        Args:
            levels: the samples and halves of them, finest first, (h, w) or (h, w, 3) uint8.
            box_img: what `levels[0]` covers, xyxy image px.
            colour: makes RGB32 words of samples.
        """
        self._values = list(levels)
        self._words: dict[int, Words] = {}
        self._colour = colour
        self.box_img = box_img
        h, w = levels[0].shape[:2]
        self._cell = (box_img[2] - box_img[0]) / w, (box_img[3] - box_img[1]) / h

    def draw(self, painter: QPainter, view: View, smooth: bool) -> None:
        """Draws what of the box lies on the picture; the painter is in device px.

        Args:
            painter: on an image of the view's device size.
            view: where the picture lies.
            smooth: interpolate where samples are larger than device px.
        """
        x0, y0, x1, y1 = self.box_img
        _, _, right, bottom = view.picture_box
        columns = view.span(0, max(x0, 0.0), min(x1, right))
        rows = view.span(1, max(y0, 0.0), min(y1, bottom))
        if columns[0] == columns[1] or rows[0] == rows[1]:
            return
        texel = view.scale * view.ratio * min(self._cell)
        if texel < 1 - 1e-6:
            self._draw_smooth(painter, view, floor(log2(1 / texel)), columns, rows)
        elif smooth:
            self._draw_smooth(painter, view, 0, columns, rows)
        else:
            self._draw_exact(painter, view, columns, rows)

    def _draw_exact(self, painter: QPainter, view: View, columns: Span, rows: Span) -> None:
        x = self._sample(view.centres(0, columns), 0)
        y = self._sample(view.centres(1, rows), 1)
        left, top = int(x[0]), int(y[0])
        words = self._part(0, left, top, int(x[-1]) + 1, int(y[-1]) + 1)
        # columns of the few rows in view first, whole rows after them: the second step copies memory in long runs
        taken = words.take(x - left, 1).take(y - top, 0)
        painter.drawImage(columns[0], rows[0], as_image(taken))

    def _sample(self, places: NDArray[np.float64], axis: int) -> NDArray[np.int64]:
        index = np.floor((places - self.box_img[axis]) / self._cell[axis]).astype(np.int64)
        return np.clip(index, 0, self._values[0].shape[1 - axis] - 1)

    def _draw_smooth(self, painter: QPainter, view: View, level: int, columns: Span, rows: Span) -> None:
        level, (h, w) = self._level(level)
        cell = self._cell[0] * 2**level, self._cell[1] * 2**level
        left, right = self._around(view, 0, columns, cell[0], w)
        top, bottom = self._around(view, 1, rows, cell[1], h)
        words = np.ascontiguousarray(self._part(level, left, top, right, bottom))
        x, y = self.box_img[0] + left * cell[0], self.box_img[1] + top * cell[1]
        target = view.rect((x, y, x + (right - left) * cell[0], y + (bottom - top) * cell[1]))
        ratio = view.ratio
        painter.save()
        painter.setClipRect(QRect(columns[0], rows[0], columns[1] - columns[0], rows[1] - rows[0]))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        target = QRectF(target.x() * ratio, target.y() * ratio, target.width() * ratio, target.height() * ratio)
        painter.drawImage(target, as_image(words))
        painter.restore()

    def _around(self, view: View, axis: int, span: Span, cell: float, count: int) -> Span:
        """The samples that device px look at, one more on each side for the interpolation."""
        first, last = view.centres(axis, (span[0], span[1]))[[0, -1]]
        low = floor((first - self.box_img[axis]) / cell) - 1
        high = ceil((last - self.box_img[axis]) / cell) + 1
        return min(max(low, 0), count - 1), min(max(high, 1), count)

    def _level(self, wanted: int) -> tuple[int, Span]:
        while len(self._values) <= wanted and max(self._values[-1].shape[:2]) > 1:
            self._values.append(halved(self._values[-1]))
        level = min(wanted, len(self._values) - 1)
        h, w = self._values[level].shape[:2]
        return level, (h, w)

    def _part(self, level: int, left: int, top: int, right: int, bottom: int) -> Words:
        """Coloured samples of a part of a level."""
        values = self._values[level]
        if values.shape[0] * values.shape[1] > _KEPT_SAMPLES:
            return self._colour(values[top:bottom, left:right])
        if level not in self._words:
            self._words[level] = self._colour(values)
        return self._words[level][top:bottom, left:right]
