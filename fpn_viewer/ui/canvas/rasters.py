"""Pictures and maps as RGB32 rasters with halved versions, drawn through a view.

Above one device px per sample every device px takes the sample its centre lies in, so that a cell lights exactly its rectangle;
below, halved versions are drawn interpolated, so that no cell is skipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log2
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtGui import QImage, QPainter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fpn_viewer.core.geometry import Box
    from fpn_viewer.engine.values import Bytes
    from fpn_viewer.ui.canvas.view import View

    Words = NDArray[np.uint32]
    Span = tuple[int, int]
    Samples = tuple[NDArray[np.int64], NDArray[np.int64]]
    Shared = dict[object, tuple["Part", Samples]]

_OPAQUE = np.uint32(0xFF000000)
#: samples of a picture that are kept as RGB32; of larger ones the part in view is converted for each drawing
_KEPT_SAMPLES = 16_000_000


def packed(rgb: Bytes) -> Words:
    """(h, w, 3) RGB as (h, w) RGB32 words."""
    wide = rgb.astype(np.uint32)
    return np.asarray(_OPAQUE | wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2], np.uint32)


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


@dataclass(frozen=True)
class Part:
    """What of a raster is in view; rasters on the same box and grid share it.

    Attributes:
        columns: device px (first, one past the last) that lie on the raster and on the picture.
        rows: the same downwards.
        texel: device px per sample, the smaller of both sides.
    """

    columns: Span
    rows: Span
    texel: float

    @property
    def size(self) -> tuple[int, int]:
        """(width, height), device px."""
        return self.columns[1] - self.columns[0], self.rows[1] - self.rows[0]


@dataclass(frozen=True, eq=False)
class Drawn:
    """A raster drawn for one view.

    Attributes:
        image: RGB32 in device px, its ratio set.
        place: upper left corner in view px.
        words: the memory that `image` may borrow.
    """

    image: QImage
    place: QPointF
    words: Words | None = None


class Raster:
    """Samples on a box of the picture, with halved versions that are made when they are first drawn.

    Attributes:
        box_img: what the finest samples cover, xyxy image px.
        grid: box and number of samples; rasters with an equal grid lie in the same place.
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
        h, w = levels[0].shape[:2]
        self.box_img = box_img
        self.grid = (box_img, h, w)
        self._cell = (box_img[2] - box_img[0]) / w, (box_img[3] - box_img[1]) / h

    def part(self, view: View) -> Part:
        """What of the raster is in view and on the picture."""
        x0, y0, x1, y1 = self.box_img
        _, _, right, bottom = view.picture_box
        columns = view.span(0, max(x0, 0.0), min(x1, right))
        rows = view.span(1, max(y0, 0.0), min(y1, bottom))
        return Part(columns, rows, view.scale * view.ratio * min(self._cell))

    def samples(self, view: View, part: Part) -> Samples:
        """The column of samples for each device column and the row for each device row."""
        return self._sample(view.centres(0, part.columns), 0), self._sample(view.centres(1, part.rows), 1)

    def drawn(self, view: View, smooth: bool, shared: Shared | None = None) -> Drawn | None:
        """The raster as it looks in a view, or None when nothing of it is in view.

        Args:
            view: where the picture lies.
            smooth: interpolate where samples are larger than device px.
            shared: remembers for this view what rasters with an equal grid have in common.
        """
        known = (shared or {}).get(self.grid)
        part = known[0] if known else self.part(view)
        if 0 in part.size:
            return None
        if smooth or part.texel < 1 - 1e-6:
            level = floor(log2(1 / part.texel)) if part.texel < 1 else 0
            return self._interpolated(view, part, level)
        samples = known[1] if known else self.samples(view, part)
        if shared is not None and not known:
            shared[self.grid] = part, samples
        return self._exact(view, part, samples)

    def _exact(self, view: View, part: Part, samples: Samples) -> Drawn:
        x, y = samples
        left, top = int(x[0]), int(y[0])
        words = self._coloured(0, left, top, int(x[-1]) + 1, int(y[-1]) + 1)
        # columns of the few rows in view first, whole rows after them: the second step copies memory in long runs
        taken = words.take(x - left, 1).take(y - top, 0)
        return _at(part, view, as_image(taken), taken)

    def _sample(self, places: NDArray[np.float64], axis: int) -> NDArray[np.int64]:
        index = np.floor((places - self.box_img[axis]) / self._cell[axis]).astype(np.int64)
        inside: NDArray[np.int64] = np.minimum(np.maximum(index, 0), self._values[0].shape[1 - axis] - 1)
        return inside

    def _interpolated(self, view: View, part: Part, level: int) -> Drawn:
        level, (h, w) = self._level(level)
        cell = self._cell[0] * 2**level, self._cell[1] * 2**level
        left, right = self._around(view, 0, part.columns, cell[0], w)
        top, bottom = self._around(view, 1, part.rows, cell[1], h)
        words = np.ascontiguousarray(self._coloured(level, left, top, right, bottom))
        x, y = self.box_img[0] + left * cell[0], self.box_img[1] + top * cell[1]
        target = view.rect((x, y, x + (right - left) * cell[0], y + (bottom - top) * cell[1]))
        image = QImage(*part.size, QImage.Format.Format_RGB32)
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.translate(-part.columns[0], -part.rows[0])
        painter.scale(view.ratio, view.ratio)
        painter.drawImage(target, as_image(words))
        painter.end()
        return _at(part, view, image, None)

    def _around(self, view: View, axis: int, span: Span, cell: float, count: int) -> Span:
        """The samples that device px look at, two more on each side for the interpolation."""
        first, last = view.centres(axis, span)[[0, -1]]
        low = floor((first - self.box_img[axis]) / cell) - 2
        high = ceil((last - self.box_img[axis]) / cell) + 2
        return min(max(low, 0), count - 1), min(max(high, 1), count)

    def _level(self, wanted: int) -> tuple[int, Span]:
        while len(self._values) <= wanted and max(self._values[-1].shape[:2]) > 1:
            self._values.append(halved(self._values[-1]))
        level = min(wanted, len(self._values) - 1)
        h, w = self._values[level].shape[:2]
        return level, (h, w)

    def _coloured(self, level: int, left: int, top: int, right: int, bottom: int) -> Words:
        """Coloured samples of a part of a level."""
        values = self._values[level]
        if values.shape[0] * values.shape[1] > _KEPT_SAMPLES:
            return self._colour(values[top:bottom, left:right])
        if level not in self._words:
            self._words[level] = self._colour(values)
        return self._words[level][top:bottom, left:right]


def _at(part: Part, view: View, image: QImage, words: Words | None) -> Drawn:
    image.setDevicePixelRatio(view.ratio)
    return Drawn(image, QPointF(part.columns[0] / view.ratio, part.rows[0] / view.ratio), words)
