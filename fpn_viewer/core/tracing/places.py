"""Where anchors lie on the pyramid, and which level a RoI is read from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpn_viewer.core.geometry import Level


def anchor_cells(levels: Sequence[Level], counts: Sequence[int]) -> tuple[Any, ...]:
    """Level, row, column and shape of every anchor (N,) each, in torchvision's order.

    Args:
        levels: fine to coarse.
        counts: anchors of each.
    """
    parts = []
    for index, (level, count) in enumerate(zip(levels, counts, strict=False)):
        h, w = level.size
        y, x, shape = (a.reshape(-1) for a in np.indices((h, w, count // (h * w)), np.int32))
        parts.append((np.full(count, index, np.int16), y, x, shape.astype(np.int16)))
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def roi_levels(boxes_net: np.ndarray, first: int, last: int, canonical: int = 224) -> np.ndarray:
    """Index of the pyramid level each RoI is read from: torchvision's `LevelMapper` (FPN paper, equation 1).

    Args:
        boxes_net: (R, 4) xyxy net px.
        first: log2 stride of the finest level that RoIs may use.
        last: log2 stride of the coarsest.
        canonical: net px side that belongs on stride 16.

    Returns:
        (R,) int16, counted from `first` = 0.
    """
    side = np.sqrt((boxes_net[:, 2] - boxes_net[:, 0]) * (boxes_net[:, 3] - boxes_net[:, 1])).astype(np.float32)
    with np.errstate(divide="ignore"):
        k = np.floor(4 + np.log2(side / np.float32(canonical)) + np.float32(1e-6))
    out: np.ndarray = (np.clip(k, first, last) - first).astype(np.int16)
    return out
