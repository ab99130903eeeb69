"""Crops of maps and of the picture as images, on colour scales that are shared by rows or by all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.imaging.colours import lut, lut_for
from fpn_viewer.ui.canvas.rasters import as_image, packed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QImage

    from fpn_viewer.core.analysis.signals import NodeSignal
    from fpn_viewer.core.geometry import Box
    from fpn_viewer.engine.values import PictureView

#: px that a crop of the picture has at most, unless its smallest copy is larger
_MOST = 300_000


def value_range(nodes: Sequence[NodeSignal], window_img: Box, signed: bool) -> tuple[float, float]:
    """Lowest and highest value of crops inside a window; symmetric about 0 where values have a sign.

    Args:
        nodes: whose crops.
        window_img: what of them is shown, xyxy image px.
        signed: values have a sign.

    Returns:
        The range of the finite values; 0 to 1 where there are none.
    """
    values = np.concatenate([_inside(node, window_img).ravel() for node in nodes])
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    if signed:
        top = float(np.abs(values).max())
        return -top, top
    return float(values.min()), float(values.max())


def _inside(node: NodeSignal, window_img: Box) -> np.ndarray:
    """The cells of a crop that have a part in a window."""
    parts = []
    for axis, count in ((1, node.crop.shape[0]), (0, node.crop.shape[1])):
        low, high = node.crop_box_img[axis], node.crop_box_img[axis + 2]
        first, last = ((window_img[axis + end] - low) / (high - low) * count for end in (0, 2))
        parts.append(slice(max(0, int(np.floor(first))), max(0, int(np.ceil(last)))))
    return node.crop[parts[0], parts[1]]


def map_image(node: NodeSignal, low: float, high: float, signed: bool) -> QImage:
    """A node's crop in colours from `low` to `high`."""
    share = (np.nan_to_num(node.crop) - low) / max(high - low, 1e-12)
    codes = np.rint(share.clip(0, 1) * 255).astype(np.intp)
    # a copy, because an image over an array does not keep it alive
    return as_image(np.ascontiguousarray(_table(signed)[codes])).copy()


def bar_image(signed: bool) -> QImage:
    """The colours of `map_image` from low to high."""
    return as_image(np.ascontiguousarray(_table(signed)[None])).copy()


def picture_image(view: PictureView, window_img: Box) -> tuple[QImage, Box] | None:
    """What of a picture lies in a window, not finer than can be seen, and the image px that it covers; None outside of it."""
    height, width = view.picture.size
    for pixels in view.reduced:
        step = width / pixels.shape[1], height / pixels.shape[0]
        x0, y0 = (max(0, int(np.floor(window_img[axis] / step[axis]))) for axis in (0, 1))
        x1, y1 = (min(pixels.shape[1 - axis], int(np.ceil(window_img[axis + 2] / step[axis]))) for axis in (0, 1))
        if x0 >= x1 or y0 >= y1:
            return None
        if (x1 - x0) * (y1 - y0) <= _MOST or pixels is view.reduced[-1]:
            break
    crop = as_image(packed(np.ascontiguousarray(pixels[y0:y1, x0:x1]))).copy()
    return crop, (x0 * step[0], y0 * step[1], x1 * step[0], y1 * step[1])


def _table(signed: bool) -> np.ndarray:
    words: np.ndarray = packed(lut(lut_for(signed))[None])[0]
    return words
