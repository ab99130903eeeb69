"""Two grids of cells over one picture, and how what one holds is read on the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from fpn_viewer.core.comparison.sides import Side
    from fpn_viewer.core.geometry import Box, Size

    Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Grid:
    """Where the cells of a map that are seen lie on the picture.

    Attributes:
        y_img: (h + 1,) borders of the rows, image px, the last one on the picture's edge.
        x_img: (w + 1,) borders of the columns.
        box_img: the image px that the cells cover, xyxy; it may reach past the picture.
    """

    y_img: Floats
    x_img: Floats
    box_img: Box

    @property
    def size(self) -> Size:
        """(h, w) cells."""
        return len(self.y_img) - 1, len(self.x_img) - 1

    def matches(self, other: Grid) -> bool:
        """Whether both have the very same cells."""
        return np.array_equal(self.y_img, other.y_img) and np.array_equal(self.x_img, other.x_img)


def grid_of(side: Side, node: str) -> Grid:
    """The grid of a node, padding left out.

    Raises:
        KeyError: there is no such node.
    """
    geometry, level = side.geometry, side.level(side.graph[node].level)
    size = geometry.visible_cells(level)
    y, x = (np.arange(size[axis] + 1, dtype=np.float64) * (level.stride[axis] / geometry.scale[axis]) for axis in (0, 1))
    # the last cells may reach into the padding, of which the other side has another amount
    y[-1], x[-1] = geometry.image_size
    _, _, right, bottom = geometry.cell_box_img(level, size[0] - 1, size[1] - 1)
    return Grid(y, x, (0.0, 0.0, right, bottom))


def resampled(values: Tensor, grid: Grid, target: Grid) -> Tensor:
    """What a grid holds, on the cells of another: each gets the mean over its own area of the picture.

    A cell over which anything is not finite is NaN.

    Args:
        values: (…, h, w) on `grid`.
        grid: its cells.
        target: the cells that are wanted, over the same picture.

    Returns:
        (…, h', w') float32; the values themselves where the grids are equal.
    """
    values = values.float()
    if grid.matches(target):
        return values
    down, across = (
        torch.from_numpy(_shares(*borders)).to(values.device, torch.float32)
        for borders in ((grid.y_img, target.y_img), (grid.x_img, target.x_img))
    )
    broken = ~torch.isfinite(values)
    if not broken.any():
        return down @ values @ across.T
    out = down @ values.masked_fill(broken, 0.0) @ across.T
    return out.masked_fill(down @ broken.float() @ across.T > 0, torch.nan)


def _shares(borders: Floats, wanted: Floats) -> Floats:
    """(n', n) how much of each wanted interval lies in each interval; the rows sum to 1."""
    low, high = np.maximum.outer(wanted[:-1], borders[:-1]), np.minimum.outer(wanted[1:], borders[1:])
    shared = np.clip(high - low, 0, None)
    out: Floats = shared / shared.sum(1, keepdims=True)
    return out
