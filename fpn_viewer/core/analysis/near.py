"""The boxes near one object in one selection, and what a stage did to them: arrays of the few rows that matter."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.analysis.search import boxes_near

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpn_viewer.core.analysis.stages import Question
    from fpn_viewer.core.geometry import Box
    from fpn_viewer.core.tracing.sides import Columns, Side
    from fpn_viewer.core.tracing.trace import Trace


#: boxes that overlap an object less are of no interest while there are better ones
_FLOOR = 0.1


@dataclass(frozen=True, eq=False)
class Near:
    """Boxes of one selection that overlap an object noticeably.

    Attributes:
        rows: in the selection, ascending (n,).
        boxes_net: (n, 4) xyxy net px.
        iou: with the object (n,).
        alive: last stage survived (n,).
        scores: (n,).
        level: index of the level of the anchor behind each, -1 when unknown (n,).
        counts: which of them can stand for the object: their class is the asked one (n,).
        limit: overlap from which one is near.
        order: names of all stages of the family; `alive` counts in them.
    """

    rows: NDArray[np.int64]
    boxes_net: NDArray[np.float32]
    iou: NDArray[np.float64]
    alive: NDArray[np.int8]
    scores: NDArray[np.float32]
    level: NDArray[np.int64]
    counts: NDArray[np.bool_]
    limit: float
    order: tuple[str, ...]

    def came_to(self, stage: str) -> NDArray[np.bool_]:
        """Which survived every stage before this one."""
        return self.alive >= self.order.index(stage) - 1

    def passed(self, stage: str) -> NDArray[np.bool_]:
        """Which survived this stage."""
        return self.alive >= self.order.index(stage)

    def at(self, stage: str, any_class: bool = False) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Indices of the near ones that came to a stage, and of those among them that survived it."""
        near, turn = self.close if any_class else self._counting, self.order.index(stage)
        if not len(near):
            return near, near
        alive = self.alive[near]
        return near[alive >= turn - 1], near[alive >= turn]

    @cached_property
    def close(self) -> NDArray[np.int64]:
        """Indices of those near the object, whatever their class."""
        return np.flatnonzero(self.iou >= self.limit)

    @cached_property
    def _counting(self) -> NDArray[np.int64]:
        return self.close[self.counts[self.close]]


def alike_rows(columns: Columns, question: Question) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Rows (ascending) of the boxes near an object, and their IoU with it; all that touch it where every overlap is slight."""
    box, floor = question.box_net, min(_FLOOR, question.iou)
    rows, iou = boxes_near(columns, box, question.iou, floor)
    return (rows, iou) if len(rows) else boxes_near(columns, box, question.iou, 0)


def level_of(trace: Trace, candidates: NDArray[np.int64]) -> NDArray[np.int64]:
    """Index of the level of each anchor (n,); -1 for row -1."""
    level = np.searchsorted(trace.level_ends, candidates, side="right")
    level[candidates < 0] = -1
    return level


def cells_of(trace: Trace, candidates: NDArray[np.int64]) -> NDArray[np.int32]:
    """(row, column) of the cell of each anchor (n, 2); -1 for row -1."""
    level = level_of(trace, candidates)
    starts = np.cumsum((0, *trace.raw.counts))[:-1]
    widths = np.array([one.size[1] for one in trace.levels])
    shapes = np.array([count // (one.size[0] * one.size[1]) for one, count in zip(trace.levels, trace.raw.counts, strict=False)])
    cell = (candidates - starts[level]) // shapes[level]
    out = np.stack([cell // widths[level], cell % widths[level]], 1)
    return np.where(candidates[:, None] >= 0, out, -1).astype(np.int32)


def by_level(trace: Trace, level: NDArray[np.int64]) -> dict[str, int]:
    """How many of these come from each level, levels with none left out."""
    counts = np.bincount(level[level >= 0], minlength=len(trace.levels))
    return {one.name: int(n) for one, n in zip(trace.levels, counts, strict=False) if n}


def box_img(trace: Trace, box_net: NDArray[np.float32]) -> Box:
    """One box in image px."""
    ky, kx = trace.geometry.scale
    x1, y1, x2, y2 = box_net.tolist()
    return x1 / kx, y1 / ky, x2 / kx, y2 / ky


@dataclass(frozen=True)
class Deciding:
    """The candidate that came closest at a stage.

    Attributes:
        index: in the `Near` boxes; None when none came.
        value: its number.
        limit: what it was held against.
        margin: how far on the right side; negative when it failed.
        unit: of all three.
        sentence: what happened.
    """

    index: int | None
    value: float | None
    limit: float | None
    margin: float | None
    unit: str
    sentence: str


def sides_of(side: Side, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """The smaller side of some boxes (n,), net px."""
    boxes = side.boxes(rows)
    return np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])  # type: ignore[no-any-return]
