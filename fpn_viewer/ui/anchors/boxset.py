"""A choice of boxes out of a table, ready to be counted, listed and drawn at any zoom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.imaging import boxes

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
    grids: tuple[Grid, ...] = ()
    rows: Rows = field(default_factory=lambda: np.zeros(0, np.int64))

    def __len__(self) -> int:
        return sum(map(len, self.grids)) + len(self.rows)

    def levels(self) -> set[int]:
        """Indexes of the levels that the members come from."""
        return {int(self.level[grid.first]) for grid in self.grids if len(grid)} | set(np.unique(self.level[self.rows]).tolist())

    def visible_count(self, frame: Frame) -> int:
        """How many members have a pixel of their outline in the frame."""
        return sum(boxes.grid_visible_count(grid, frame) for grid in self.grids) + int(self._visible_rows(frame).sum())

    def visible(self, frame: Frame) -> Rows:
        """The table rows of the members with a pixel in the frame, in drawing order."""
        found = [boxes.grid_visible(grid, frame) for grid in self.grids]
        return np.concatenate([*found, self.rows[self._visible_rows(frame)]])

    def density(self, frame: Frame) -> NDArray[np.float32]:
        """How many outlines cross each pixel (height, width)."""
        density = boxes.grid_density(self.grids, frame)
        if len(self.rows):
            density += boxes.edge_density(frame.boxes(self.table_img[self.rows]), frame.size)
        return density

    def work(self, frame: Frame) -> int:
        """What drawing costs, in units of about 5 ns."""
        height, width = frame.size
        # a box outside grids adds eight steps to the difference arrays
        return height * width + 8 * len(self.rows)

    def _visible_rows(self, frame: Frame) -> NDArray[np.bool_]:
        return boxes.outline_visible(frame.boxes(self.table_img[self.rows]), frame.size)
