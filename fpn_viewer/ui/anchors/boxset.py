"""A choice of boxes out of a table, ready to be counted, listed and drawn at any zoom."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fpn_viewer.core.imaging import boxes
from fpn_viewer.core.imaging.boxes import Grids

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpn_viewer.core.imaging.boxes import Frame, Grid

    Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class BoxSet:
    """Boxes of a table: whole grids of it, and single rows in the order they are drawn.

    Attributes:
        table_img: (N, 4) xyxy image px.
        level: index of the level of each (N,); -1 where it is not known.
        grids: members in rows and columns.
        rows: other members; the last is drawn on top.
    """

    table_img: NDArray[np.float32]
    level: NDArray[np.int16]
    grids: Grids = field(default_factory=Grids)
    rows: Rows = field(default_factory=lambda: np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.grids) + len(self.rows)

    def levels(self) -> set[int]:
        """Indexes of the levels that the members come from."""
        return {level for level, _ in self.level_grids} | set(np.unique(self.level[self.rows]).tolist())

    def visible_count(self, frame: Frame) -> int:
        """How many members have a pixel of their outline in the frame."""
        return self.grids.visible_count(frame) + int(self._visible_rows(frame).sum())

    def visible(self, frame: Frame) -> Rows:
        """The table rows of the members with a pixel in the frame, in drawing order."""
        return np.concatenate([self.grids.visible(frame), self.visible_rows(frame)])

    def density(self, frame: Frame) -> NDArray[Any]:
        """How many outlines cross each pixel (height, width)."""
        if not len(self.rows):
            return self.grids.density(frame)
        rows = boxes.edge_density(frame.boxes(self.table_img[self.rows]), frame.size)
        return rows + self.grids.density(frame) if len(self.grids) else rows

    @cached_property
    def level_grids(self) -> tuple[tuple[int, Grids], ...]:
        """The grids by level index, in drawing order."""
        by_level: dict[int, list[Grid]] = {}
        for grid in self.grids.members:
            if len(grid):
                by_level.setdefault(int(self.level[grid.first]), []).append(grid)
        return tuple((level, Grids(members)) for level, members in by_level.items())

    def visible_rows(self, frame: Frame) -> Rows:
        """Those of `visible` that do not stand in grids."""
        return self.rows[self._visible_rows(frame)]

    def _visible_rows(self, frame: Frame) -> NDArray[np.bool_]:
        return boxes.outline_visible(frame.boxes(self.table_img[self.rows]), frame.size)
