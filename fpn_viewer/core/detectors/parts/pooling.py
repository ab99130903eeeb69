"""RoI pooling by the conventions of other code bases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torchvision.ops import MultiScaleRoIAlign, roi_align
from torchvision.ops.poolers import LevelMapper, _setup_scales

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class ConventionalRoIAlign(MultiScaleRoIAlign):
    """torchvision's pooling with the place of its samples and the scales of the levels of one's choice.

    `scales` and `map_levels` are found on the first call and kept, as there; both set to None are found again.

    Args:
        plain: names of the maps, output size and the rule for levels are taken over.
        sampling_ratio: samples per bin and side; 0 takes as many as the bin has cells.
        aligned: samples are shifted by half a cell, so that a cell's value lies in its middle.
        strides: net px per cell of the pyramid's levels, fine to coarse; None infers them from the first picture's size.
    """

    scales: list[float] | None
    map_levels: LevelMapper | None

    def __init__(self, plain: MultiScaleRoIAlign, *, sampling_ratio: int, aligned: bool, strides: Sequence[int] | None) -> None:
        super().__init__(
            plain.featmap_names,
            plain.output_size,
            sampling_ratio,
            canonical_scale=plain.canonical_scale,
            canonical_level=plain.canonical_level,
        )
        self.aligned = aligned
        self.strides = None if strides is None else tuple(strides)

    def forward(self, x: dict[str, Tensor], boxes: list[Tensor], image_shapes: list[tuple[int, int]]) -> Tensor:
        """What lies under each box, (R, C, h, w).

        Args:
            x: maps by name, fine to coarse, each (N, C, h_l, w_l).
            boxes: of each picture (R_i, 4) xyxy net px.
            image_shapes: (H, W) of each picture before padding, net px.
        """
        maps = [level for name, level in x.items() if name in self.featmap_names]
        if self.scales is None or self.map_levels is None:
            self.scales, self.map_levels = self._levels(maps, image_shapes)
        rois = torch.cat([torch.cat([b.new_full((len(b), 1), i), b], 1) for i, b in enumerate(boxes)])
        which = self.map_levels(boxes)
        out = maps[0].new_zeros(len(rois), maps[0].shape[1], *self.output_size)
        for index, (level, scale) in enumerate(zip(maps, self.scales, strict=True)):
            rows = torch.where(which == index)[0]
            # under autocast a level may come in half precision, in which a box would lose half a pixel
            pooled = roi_align(level.to(rois.dtype), rois[rows], self.output_size, scale, self.sampling_ratio, self.aligned)
            out[rows] = pooled.to(out.dtype)
        return out

    def _levels(self, maps: list[Tensor], image_shapes: list[tuple[int, int]]) -> tuple[list[float], LevelMapper]:
        if self.strides is None:
            found: tuple[list[float], LevelMapper] = _setup_scales(maps, image_shapes, self.canonical_scale, self.canonical_level)
            return found
        strides = self.strides[: len(maps)]
        first, last = (stride.bit_length() - 1 for stride in (strides[0], strides[-1]))
        return [1 / stride for stride in strides], LevelMapper(first, last, self.canonical_scale, self.canonical_level)
