"""The three frames and the exact maps between them.

`_img`: pixels of the picture, upright, as shown.  `_net`: pixels after the detector's resize; the padding lies right and below.
`_cell`: (row, column) of a level; cell (r, c) covers net px [r·stride, (r+1)·stride) × [c·stride, (c+1)·stride).
Coordinates are continuous: pixel (0, 0) covers [0, 1) × [0, 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fpn_viewer.core.errors import DetectorError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Size = tuple[int, int]
    Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Level:
    """One level of the pyramid.

    Attributes:
        name: "P2".
        stride: net px per cell (y, x): what one step in the map is on the picture.
        size: cells (h, w), padding included.
        anchor_stride: net px (y, x) between anchors; the stride in other code bases. torchvision divides the padded size by the
            map's size and rounds down, so that on P6 of an 800-px-high input anchors step by 61 px where cells step by 64.
        anchor_shapes: anchors per cell; 0 where no RPN looks at the level.
    """

    name: str
    stride: tuple[float, float]
    size: Size
    anchor_stride: Size = (0, 0)
    anchor_shapes: int = 0


@dataclass(frozen=True)
class Geometry:
    """How one picture went into the network.

    Attributes:
        image_size: (H, W) of the picture, image px.
        net_size: (H, W) after the resize, net px.
        padded_size: (H, W) after padding, net px.
    """

    image_size: Size
    net_size: Size
    padded_size: Size

    @property
    def scale(self) -> tuple[float, float]:
        """Net px per image px, (y, x)."""
        return self.net_size[0] / self.image_size[0], self.net_size[1] / self.image_size[1]

    def to_net(self, boxes_img: ArrayLike) -> NDArray[np.float64]:
        """Boxes (…, 4) xyxy from image px to net px."""
        return np.asarray(boxes_img, np.float64) * self._xyxy()

    def to_img(self, boxes_net: ArrayLike) -> NDArray[np.float64]:
        """Boxes (…, 4) xyxy from net px to image px."""
        return np.asarray(boxes_net, np.float64) / self._xyxy()

    def cell_at(self, level: Level, x_img: float, y_img: float) -> tuple[int, int] | None:
        """The (row, column) of the cell over an image point, or None outside the picture."""
        if not (0 <= x_img < self.image_size[1] and 0 <= y_img < self.image_size[0]):
            return None
        row = int(y_img * self.scale[0] / level.stride[0])
        column = int(x_img * self.scale[1] / level.stride[1])
        return min(row, level.size[0] - 1), min(column, level.size[1] - 1)

    def cell_box_img(self, level: Level, row: int, column: int) -> Box:
        """The image px that a cell covers, xyxy; it may reach into the padding."""
        (sy, sx), (ky, kx) = level.stride, self.scale
        return column * sx / kx, row * sy / ky, (column + 1) * sx / kx, (row + 1) * sy / ky

    def map_box_img(self, level: Level) -> Box:
        """The image px that a level's whole map covers, xyxy, padding included: where to draw the map."""
        (h, w), (sy, sx), (ky, kx) = level.size, level.stride, self.scale
        return 0.0, 0.0, w * sx / kx, h * sy / ky

    def visible_cells(self, level: Level) -> Size:
        """How many rows and columns of a level lie at least partly on the picture; the rest is padding."""
        rows = -(-self.net_size[0] // level.stride[0])
        columns = -(-self.net_size[1] // level.stride[1])
        return min(level.size[0], int(rows)), min(level.size[1], int(columns))

    def _xyxy(self) -> NDArray[np.float64]:
        ky, kx = self.scale
        return np.array([kx, ky, kx, ky])


#: what is added to a side before its fraction is cut off, by the name of the rounding
_ROUNDING: dict[str, float] = {"floor": 0.0, "nearest": 0.5}


def net_size(image_size: Size, min_size: int, max_size: int, rounding: str = "floor") -> Size:
    """The size a picture is resized to at inference, net px.

    Args:
        image_size: (H, W) image px.
        min_size: what the shorter side becomes, net px.
        max_size: what the longer side may not pass, net px.
        rounding: of the sides, "floor" (torchvision) or "nearest" (detectron2, mmdetection).

    Raises:
        DetectorError: a side would become 0 px.
    """
    scale = min(min_size / min(image_size), max_size / max(image_size))
    size = int(image_size[0] * scale + _ROUNDING[rounding]), int(image_size[1] * scale + _ROUNDING[rounding])
    if min(size) < 1:
        raise DetectorError(
            f"a picture of {image_size[1]}×{image_size[0]} px would shrink to nothing at max_size {max_size}; "
            f"crop it or raise max_size to {-(-max(image_size) // min(image_size))} or more."
        )
    return size


def padded(size: Size, divisor: int) -> Size:
    """A size rounded up to multiples of `divisor`, net px."""
    return -(-size[0] // divisor) * divisor, -(-size[1] // divisor) * divisor


def frozen(array: Any, dtype: Any = None) -> NDArray[Any]:
    """A read-only contiguous array, copied only when that is needed."""
    out = np.ascontiguousarray(array, dtype)
    if out is array and out.flags.writeable:
        out = out.copy()
    out.flags.writeable = False
    return out
