"""Where the picture lies in one view, and which device pixels a part of it covers.

`_img`: image px. View px: device-independent px of the map's area. Device px: view px times the screen's ratio.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QRectF

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpn_viewer.core.geometry import Box
    from fpn_viewer.viewmodels.viewport import Viewport


@dataclass(frozen=True)
class View:
    """One view of the picture; equal values show the same pixels.

    Attributes:
        size: (width, height), view px.
        scale: view px per image px.
        offset: (x, y) view px of the picture's upper left corner.
        image_size: (H, W), image px.
        ratio: device px per view px.
    """

    size: tuple[float, float]
    scale: float
    offset: tuple[float, float]
    image_size: tuple[int, int]
    ratio: float = 1.0

    @classmethod
    def of(cls, viewport: Viewport, size: tuple[float, float], ratio: float) -> View:
        """The view of a viewport in an area of `size` (width, height) view px."""
        return cls(size, viewport.scale(size), viewport.offset(size), viewport.state.image_size, ratio)

    @property
    def device_size(self) -> tuple[int, int]:
        """(width, height), device px."""
        return max(1, round(self.size[0] * self.ratio)), max(1, round(self.size[1] * self.ratio))

    @property
    def picture_box(self) -> Box:
        """The whole picture, xyxy image px."""
        return 0.0, 0.0, float(self.image_size[1]), float(self.image_size[0])

    def span(self, axis: int, low: float, high: float) -> tuple[int, int]:
        """The device px (first, one past the last) whose centres lie in [low, high) image px.

        Args:
            axis: 0 for x, 1 for y.
            low: image px.
            high: image px.
        """
        scale, offset, end = self.scale * self.ratio, self.offset[axis] * self.ratio, self.device_size[axis]
        first, last = (min(max(ceil(v * scale + offset - 0.5), 0), end) for v in (low, high))
        return first, max(first, last)

    def centres(self, axis: int, span: tuple[int, int]) -> NDArray[np.float64]:
        """Image px of the centres of device px."""
        places: NDArray[np.float64] = (np.arange(*span, dtype=np.float64) + 0.5) / self.ratio
        return (places - self.offset[axis]) / self.scale

    def rect(self, box_img: Box) -> QRectF:
        """A box of image px (xyxy) in view px."""
        (dx, dy), s = self.offset, self.scale
        return QRectF(box_img[0] * s + dx, box_img[1] * s + dy, (box_img[2] - box_img[0]) * s, (box_img[3] - box_img[1]) * s)
