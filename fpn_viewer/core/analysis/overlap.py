"""Overlap of boxes in float64.

IoU does not change when both axes are scaled, each by its own factor, so boxes may be compared in whatever frame both are given in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


def iou_with(boxes: ArrayLike, others: ArrayLike) -> NDArray[np.float64]:
    """IoU of boxes (N, 4) xyxy with one box (4,) or each with its own (N, 4), of the same frame; 0 where there is no area."""
    return _iou(_columns(boxes), _columns(others))


def iou_matrix(boxes: ArrayLike, others: ArrayLike) -> NDArray[np.float64]:
    """IoU (N, M) of boxes (N, 4) xyxy with others (M, 4) of the same frame; 0 where there is no area."""
    return _iou(_columns(boxes)[:, :, None], _columns(others))


def _iou(a: Floats, b: Floats) -> Floats:
    (ax1, ay1, ax2, ay2), (bx1, by1, bx2, by2) = a, b
    width = np.maximum(np.minimum(ax2, bx2) - np.maximum(ax1, bx1), 0)
    height = np.maximum(np.minimum(ay2, by2) - np.maximum(ay1, by1), 0)
    shared = width * height
    union = _area(ax1, ay1, ax2, ay2) + _area(bx1, by1, bx2, by2) - shared
    out: NDArray[np.float64] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return out


def _columns(boxes: ArrayLike) -> NDArray[np.float64]:
    # column by column: numpy is slow on rows of four
    return np.asarray(boxes).reshape(-1, 4).T.astype(np.float64, order="C")


def _area(x1: Floats, y1: Floats, x2: Floats, y2: Floats) -> Floats:
    return np.maximum(x2 - x1, 0) * np.maximum(y2 - y1, 0)
