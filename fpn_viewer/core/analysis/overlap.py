"""Overlap of many boxes with one, and with each other, in float64.

IoU does not change when both axes are scaled, each by its own factor, so boxes may be compared in whatever frame both are given in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def touching(columns: NDArray[np.float32], box: ArrayLike) -> NDArray[np.int64]:
    """Rows of the boxes that share area with one box.

    Args:
        columns: (4, N) x1, y1, x2, y2, each contiguous: four comparisons over a column are what a look at 217,413 anchors costs.
        box: (4,) xyxy in the same frame.
    """
    x1, y1, x2, y2 = np.asarray(box, np.float32)
    hit = columns[0] < x2
    hit &= columns[2] > x1
    hit &= columns[1] < y2
    hit &= columns[3] > y1
    return np.flatnonzero(hit)


def iou_with(boxes: ArrayLike, box: ArrayLike) -> NDArray[np.float64]:
    """IoU of boxes (N, 4) xyxy with one box (4,) of the same frame; 0 where there is no area."""
    return iou_matrix(boxes, np.asarray(box, np.float64)[None])[:, 0]


def iou_matrix(boxes: ArrayLike, others: ArrayLike) -> NDArray[np.float64]:
    """IoU (N, M) of boxes (N, 4) with others (M, 4) xyxy; 0 where there is no area."""
    a = np.asarray(boxes, np.float64).reshape(-1, 1, 4)
    b = np.asarray(others, np.float64).reshape(1, -1, 4)
    sides = np.clip(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0, None)
    shared = sides.prod(-1)
    union = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - shared
    out: NDArray[np.float64] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return out
