"""Where a detector's anchors lie over pictures of any size, worked out for many objects at once.

The arithmetic is torchvision's, in float32 and in its order, so that overlaps are equal to those of a trace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.analysis.assignment import RULES, iou_of_columns
from fpn_viewer.core.errors import QuestionError
from fpn_viewer.core.necks.graph import level_strides
from fpn_viewer.engine.scan.dataset.values import AnchorSet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fpn_viewer.core.detectors.spec import DetectorSpec
    from fpn_viewer.engine.scan.dataset.objects import DataObjects

    Floats = NDArray[np.float32]

#: objects that are compared together: their columns stay in the processor's cache
_BLOCK = 1 << 14


@dataclass(frozen=True)
class Layout:
    """How a detector lays anchors.

    Attributes:
        anchors: of one cell, by level.
        levels: names, fine to coarse.
        strides: net px per cell of each level.
        rounded: the anchors of a cell are rounded to whole net px.
        offset: where in its cell an anchor's centre is, in cells.
        from_grid: anchors step by the padded size over the level's, rounded down; else by the stride.
    """

    anchors: AnchorSet
    levels: tuple[str, ...]
    strides: tuple[int, ...]
    rounded: bool
    offset: float
    from_grid: bool


def layout_of(spec: DetectorSpec) -> Layout:
    """The anchors of a detector.

    Raises:
        QuestionError: its training does not match anchors and objects by overlap.
    """
    if spec.family not in RULES:
        known = " and ".join(RULES)
        raise QuestionError(
            f"{spec.name} ({spec.family}) has no anchors that training matches by overlap, so there is nothing to cover; "
            f"ask about a detector of the family {known}."
        )
    conventions = spec.conventions
    return Layout(
        AnchorSet(spec.settings.anchor_sizes, spec.settings.aspect_ratios),
        spec.levels,
        level_strides(spec.levels),
        conventions.anchor_rounding,
        conventions.anchor_offset,
        conventions.anchor_strides == "grid",
    )


def cell_shapes(anchors: AnchorSet, rounded: bool) -> list[Floats]:
    """(A, 2) half width and height of the anchors of one cell of each level, net px."""
    dtype = np.float32 if rounded else np.float64
    root = np.sqrt(np.asarray(anchors.ratios, dtype))[:, None]
    out = []
    for row in anchors.sizes:
        sizes = np.asarray(row, dtype)
        # torchvision multiplies by 1 / root, other code bases divide: the last bit differs
        width = (1 / root * sizes) if rounded else sizes / root
        half = np.stack([width.ravel(), (root * sizes).ravel()], 1) / 2
        out.append((np.rint(half) if rounded else half).astype(np.float32))
    return out


def shape_overlaps(anchors: AnchorSet, rounded: bool, shapes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Highest IoU of any anchor of a set, laid on them, with boxes of (N, 2) width and height, net px (N,)."""
    best = np.zeros(len(shapes))
    for half in np.concatenate(cell_shapes(anchors, rounded)).astype(np.float64):
        shared = np.minimum(shapes, 2 * half).prod(1)
        np.maximum(best, shared / (shapes.prod(1) + 4 * half.prod() - shared), out=best)
    return best


class Grid:
    """Objects next to the anchor positions that are nearest to them: of the anchors of one shape, those overlap them most."""

    def __init__(self, layout: Layout, objects: DataObjects) -> None:
        """Finds the nearest position on every level.

        Args:
            layout: its anchors' sizes and ratios are not looked at.
            objects: of the data set.
        """
        self.layout, self.objects = layout, objects
        self._columns = np.ascontiguousarray(objects.boxes_net.T)
        # (levels, 2, N): x and y
        self._centres = np.stack([self._nearest(stride) for stride in layout.strides])

    def _nearest(self, stride: int) -> Floats:
        padded = self.objects.padded[:, ::-1]
        cells = -(-padded // stride)
        step = (padded // cells if self.layout.from_grid else np.full_like(padded, stride)).astype(np.float32)
        shift = step * np.float32(self.layout.offset)
        boxes = self.objects.boxes_net
        place = np.rint(((boxes[:, :2] + boxes[:, 2:]) / 2 - shift) / step)
        out: Floats = (np.clip(place, 0, cells - 1).astype(np.float32) * step + shift).T
        return out

    def best(self, anchors: AnchorSet) -> tuple[Floats, NDArray[np.int8]]:
        """Highest IoU of any anchor of a set with each object (N,), and the level of that anchor (N,)."""
        count = len(self.objects)
        best, level = np.zeros(count, np.float32), np.zeros(count, np.int8)
        for start in range(0, count, _BLOCK):
            here = slice(start, start + _BLOCK)
            for index, iou in self._overlaps(anchors, here):
                more = iou > best[here]
                best[here][more], level[here][more] = iou[more], index
        return best, level

    def _overlaps(self, anchors: AnchorSet, here: slice) -> Iterator[tuple[int, Floats]]:
        """(level, IoU) of a block of objects with their nearest anchor of each shape."""
        box = self._columns[:, here]
        for index, shapes in enumerate(cell_shapes(anchors, self.layout.rounded)):
            x, y = self._centres[index, :, here]
            for half_w, half_h in shapes:
                anchor = np.stack([x - half_w, y - half_h, x + half_w, y + half_h])
                w = np.minimum(anchor[2], box[2]) - np.maximum(anchor[0], box[0])
                h = np.minimum(anchor[3], box[3]) - np.maximum(anchor[1], box[1])
                yield index, iou_of_columns(anchor, box, np.maximum(w, 0) * np.maximum(h, 0))
