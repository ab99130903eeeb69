"""Which channels of a map answer inside a box and not around it."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

import torch

from fpn_viewer.core.errors import SettingError
from fpn_viewer.core.geometry import frozen
from fpn_viewer.core.structures import as_numpy
from fpn_viewer.core.tracing.probe import region

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from fpn_viewer.core.geometry import Box, Geometry, Level
    from fpn_viewer.core.tracing.trace import Trace

    Floats = NDArray[np.float32]
    Span = tuple[int, int]

#: width of the ring around the box, in sides of the box
_RING = 0.5


@dataclass(frozen=True)
class RankedChannels:
    """Channels, best first.

    Attributes:
        channel: (C,) int32.
        contrast: (mean inside − mean of the ring) / deviation of the ring (C,); 0 where the ring is empty or does not vary,
            or where a value is not finite.
        inside: mean inside (C,).
        ring: mean of the ring (C,).
        cells: number of cells inside.
    """

    channel: NDArray[np.int32]
    contrast: Floats
    inside: Floats
    ring: Floats
    cells: int


def rank_channels(trace: Trace, name: str, box_img: Box) -> RankedChannels:
    """Orders the channels of a node by contrast.

    Inside are the cells whose centre lies in the box, or the one under its centre when there is none. The ring is what lies
    around them within half a side of the box (at least one cell), on the picture.

    Args:
        trace: is asked for the node's map.
        name: of the node.
        box_img: xyxy image px.

    Raises:
        SettingError: the box is empty or lies outside the picture.
    """
    level = trace.level(trace.graph[name].level)
    rows, columns = cells_inside(trace.geometry, level, box_img)
    visible = trace.geometry.visible_cells(level)
    (top, bottom), (left, right) = (_widened(span, size) for span, size in zip((rows, columns), visible, strict=True))
    with torch.inference_mode():
        window = region(trace, name, range(top, bottom), range(left, right))
        inner = torch.zeros(window.shape[1:], dtype=torch.bool, device=window.device)
        inner[rows[0] - top : rows[1] - top, columns[0] - left : columns[1] - left] = True
        return _ranked(window[:, inner], window[:, ~inner])


def cells_inside(geometry: Geometry, level: Level, box_img: Box) -> tuple[Span, Span]:
    """Rows and columns (first, end) of a level whose centres lie in a box on the picture; at least one of each.

    Raises:
        SettingError: the box is empty or lies outside the picture.
    """
    (height, width), (x0, y0, x1, y1) = geometry.image_size, box_img
    if not (max(0, x0) < min(width, x1) and max(0, y0) < min(height, y1)):
        raise SettingError("The box lies outside the picture or is empty; draw it over something in the picture.")
    (ky, kx), (sy, sx), visible = geometry.scale, level.stride, geometry.visible_cells(level)
    return _centres(y0 * ky / sy, y1 * ky / sy, visible[0]), _centres(x0 * kx / sx, x1 * kx / sx, visible[1])


def _centres(start: float, end: float, size: int) -> Span:
    """From a stretch in cells to the cells (first, end) of `size` whose centres lie in it, or the one in its middle."""
    first, last = max(0, ceil(start - 0.5)), min(size, ceil(end - 0.5))
    if first < last:
        return first, last
    middle = min(size - 1, int((max(0.0, start) + min(float(size), end)) / 2))
    return middle, middle + 1


def _widened(span: Span, size: int) -> Span:
    margin = max(1, round(_RING * (span[1] - span[0])))
    return max(0, span[0] - margin), min(size, span[1] + margin)


def _ranked(inside: Tensor, ring: Tensor) -> RankedChannels:
    """From (C, n) cells inside and (C, m) around."""
    mean = inside.mean(1)
    around, deviation = torch.zeros_like(mean), torch.zeros_like(mean)
    if ring.shape[1]:
        around, deviation = ring.mean(1), ring.std(1, correction=0)
    # float32 leaves a rest where a channel is constant
    flat = deviation <= 1e-6 * around.abs()
    contrast = torch.where(flat, 0.0, (mean - around) / deviation).nan_to_num(0.0, 0.0, 0.0)
    order = contrast.argsort(descending=True, stable=True)
    return RankedChannels(
        channel=frozen(as_numpy(order.int())),
        contrast=frozen(as_numpy(contrast[order])),
        inside=frozen(as_numpy(mean[order])),
        ring=frozen(as_numpy(around[order])),
        cells=int(inside.shape[1]),
    )
