"""Which channels of a map answer inside a box and not around it."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import torch

from fpn_viewer.core.errors import SettingError
from fpn_viewer.core.geometry import frozen
from fpn_viewer.core.tracing.probe import region

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
    (top, bottom), (left, right) = (with_ring(span, size) for span, size in zip((rows, columns), visible, strict=True))
    with torch.inference_mode():
        window = region(trace, name, range(top, bottom), range(left, right)).cpu().numpy()
    inner = slice(rows[0] - top, rows[1] - top), slice(columns[0] - left, columns[1] - left)
    contrast, inside, ring = contrasts(window, inner)
    order = np.argsort(-contrast, kind="stable")
    return RankedChannels(
        channel=frozen(order, np.int32),
        contrast=frozen(contrast[order]),
        inside=frozen(inside[order]),
        ring=frozen(ring[order]),
        cells=(rows[1] - rows[0]) * (columns[1] - columns[0]),
    )


def contrasts(window: Floats, inside: tuple[slice, slice]) -> tuple[Floats, Floats, Floats]:
    """Contrast of every channel, its mean inside and that of the ring, each (C,), as `RankedChannels` has them.

    Args:
        window: (C, h, w) the cells of the box and its ring.
        inside: rows and columns of the window that are the box.
    """
    rows, columns = inside
    beside = window[:, rows]
    strips = window[:, : rows.start], window[:, rows.stop :], beside[..., : columns.start], beside[..., columns.stop :]
    ring = np.concatenate([strip.reshape(len(window), -1) for strip in strips], 1)
    with np.errstate(invalid="ignore", over="ignore"):
        mean = beside[..., columns].mean((1, 2))
        around, deviation = (ring.mean(1), ring.std(1)) if ring.size else (np.zeros_like(mean), np.zeros_like(mean))
        # float32 leaves a rest where a channel is constant
        varies = ~(deviation <= 1e-6 * np.abs(around))
        contrast = np.divide(mean - around, deviation, out=np.zeros_like(mean), where=varies)
    return np.where(np.isfinite(contrast), contrast, np.float32(0)), mean, around


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


def with_ring(span: Span, size: int) -> Span:
    """From the cells (first, end) inside a box to those of the box and its ring, of `size` on the picture."""
    margin = max(1, round(_RING * (span[1] - span[0])))
    return max(0, span[0] - margin), min(size, span[1] + margin)
