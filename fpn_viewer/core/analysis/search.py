"""Finds the boxes near one object among hundreds of thousands, in well under a millisecond."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.analysis.overlap import iou_with
from fpn_viewer.core.tracing.sides import BLOCK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fpn_viewer.core.tracing.sides import Columns

#: share of the blocks up to which picking their boxes out is faster than looking at all boxes
_FEW = 0.1

#: how x1, y1, x2, y2, area and area again are held against the six bounds
_COMPARISONS = (np.less, np.less, np.greater, np.greater, np.greater_equal, np.less_equal)


def boxes_near(
    columns: Columns, box_net: NDArray[np.float64], limit: float, floor: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The boxes that overlap one box.

    Args:
        columns: all boxes.
        box_net: (4,) xyxy net px.
        limit: IoU from which it is worked out in float64; what overlaps less is told apart by nobody.
        floor: boxes that overlap less are left out; 0 gives all that share area.

    Returns:
        Their rows, ascending (n,), and their IoU (n,).
    """
    rows = _candidates(columns, box_net, floor)
    rough = _rough_iou(columns, rows, box_net)
    kept = rough >= floor * 0.999 if floor else rough > 0
    rows, iou = rows[kept], rough[kept].astype(np.float64)
    close = np.flatnonzero(iou >= limit * 0.999)
    iou[close] = iou_with(columns.boxes(rows[close]), box_net)
    return rows, iou


def _candidates(columns: Columns, box_net: NDArray[np.float64], floor: float) -> NDArray[np.int64]:
    """Rows (ascending) of boxes that may overlap one box by `floor`: such boxes share that much of its width, height and area."""
    bounds = _bounds(box_net, floor * 0.99)
    blocks = np.flatnonzero(_within(columns.blocks, bounds))
    every = (*columns.columns, columns.areas, columns.areas)
    if len(blocks) > _FEW * columns.blocks.shape[1]:
        return np.flatnonzero(_within(every, bounds))
    rows = (blocks[:, None] * BLOCK + np.arange(BLOCK)).reshape(-1)
    rows = rows[: np.searchsorted(rows, len(columns.areas))]
    return rows[_within([column[rows] for column in every], bounds)]


def _bounds(box_net: NDArray[np.float64], floor: float) -> tuple[float, ...]:
    x1, y1, x2, y2 = (float(v) for v in box_net)
    width, height = x2 - x1, y2 - y1
    area = width * height
    corners = x2 - floor * width, y2 - floor * height, x1 + floor * width, y1 + floor * height
    return *corners, area * floor, area / floor if floor else np.inf


def _within(values: Sequence[NDArray[np.float32]] | NDArray[np.float32], bounds: Sequence[float]) -> NDArray[np.bool_]:
    # two buffers for all comparisons: fresh memory for each would take longer than comparing
    hit, one = values[0] < np.float32(bounds[0]), np.empty(len(values[0]), np.bool_)
    for compare, column, bound in zip(_COMPARISONS[1:], values[1:], bounds[1:], strict=True):
        hit &= compare(column, np.float32(bound), out=one)
    return hit


def _rough_iou(columns: Columns, rows: NDArray[np.int64], box_net: NDArray[np.float64]) -> NDArray[np.float32]:
    """IoU in float32 of some boxes with one box (4,)."""
    (x1, y1, x2, y2), (bx1, by1, bx2, by2) = (column[rows] for column in columns.columns), box_net.astype(np.float32)
    width = np.maximum(np.minimum(x2, bx2) - np.maximum(x1, bx1), 0)
    shared = width * np.maximum(np.minimum(y2, by2) - np.maximum(y1, by1), 0)
    union = columns.areas[rows] + (bx2 - bx1) * (by2 - by1) - shared
    out: NDArray[np.float32] = shared / np.maximum(union, np.finfo(np.float32).tiny)
    return out
