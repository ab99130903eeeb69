"""Where anchors lie, by the conventions of other code bases."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from torchvision.models.detection.anchor_utils import AnchorGenerator

from fpn_viewer.core.necks.graph import level_strides

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from fpn_viewer.core.detectors.conventions import Conventions

    Sizes = Sequence[Sequence[float]]


class ConventionalAnchors(AnchorGenerator):
    """torchvision's generator with rounding, place in the cell and strides of one's choice.

    Args:
        sizes: per level, net px.
        aspect_ratios: per level, height / width.
        rounded: the anchors of a cell are rounded to whole net px.
        offset: where in its cell an anchor's centre is, in cells.
        strides: net px between the cells of each level; None divides the padded size by the level's, rounding down.
    """

    #: while torchvision's constructor runs; it asks for anchors before there is anything to ask
    rounded = True

    def __init__(self, sizes: Sizes, aspect_ratios: Sizes, *, rounded: bool, offset: float, strides: Sequence[int] | None) -> None:
        super().__init__(sizes, aspect_ratios)
        self.rounded = rounded
        self.offset = offset
        self.strides = None if strides is None else tuple(strides)
        self.cell_anchors = _cells(self, sizes, aspect_ratios)

    def generate_anchors(
        self,
        scales: Sequence[float],
        aspect_ratios: Sequence[float],
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> Tensor:
        """The anchors of one cell around (0, 0), (A, 4) xyxy net px: all sizes of the first ratio, then of the next."""
        if self.rounded:
            rounded: Tensor = super().generate_anchors(scales, aspect_ratios, dtype, device)
            return rounded
        sizes, root = (torch.as_tensor(values, dtype=torch.float64, device=device) for values in (scales, aspect_ratios))
        root = root.sqrt()[:, None]
        half = torch.stack([(sizes / root).flatten(), (sizes * root).flatten()], 1) / 2
        return torch.cat([-half, half], 1).to(dtype)

    def set_cell_anchors(self, _: torch.dtype, device: torch.device) -> None:
        """Moves the anchors to the maps' device; they stay float32 over maps in half precision."""
        super().set_cell_anchors(torch.float32, device)

    def grid_anchors(self, grid_sizes: Any, strides: Any) -> list[Tensor]:
        """Per level (h·w·A, 4) xyxy net px: row, column, shape.

        Args:
            grid_sizes: (h, w) of each level.
            strides: (y, x) of each level, padded size over its own; not looked at where the generator has strides.
        """
        steps = strides if self.strides is None else [(stride, stride) for stride in self.strides]
        out: list[Tensor] = super().grid_anchors(grid_sizes, steps)
        if not self.offset:
            return out
        shifts = [torch.tensor([float(x), float(y)] * 2) * self.offset for y, x in steps]
        return [anchors + shift.to(anchors) for anchors, shift in zip(out, shifts, strict=True)]


def anchor_generator(sizes: Sizes, ratios: Sequence[float], conventions: Conventions, levels: Sequence[str]) -> AnchorGenerator:
    """A generator by conventions; torchvision's own where they are torchvision's.

    Args:
        sizes: per level, net px.
        ratios: height / width, the same on every level.
        conventions: the `anchor_…` ones are used.
        levels: names, fine to coarse.
    """
    rounded, offset = conventions.anchor_rounding, conventions.anchor_offset
    strides = level_strides(levels) if conventions.anchor_strides == "level" else None
    per_level = (tuple(ratios),) * len(sizes)
    if rounded and not offset and strides is None:
        return AnchorGenerator(sizes, per_level)
    return ConventionalAnchors(sizes, per_level, rounded=rounded, offset=offset, strides=strides)


def with_anchors(generator: AnchorGenerator, sizes: Sizes, ratios: Sequence[float]) -> AnchorGenerator:
    """A generator of the same class and conventions that lays other anchors; the given one is left as it is."""
    out = copy.copy(generator)
    out.sizes, out.aspect_ratios = sizes, (tuple(ratios),) * len(sizes)
    out.cell_anchors = _cells(out, out.sizes, out.aspect_ratios)
    return out


def own_strides(generator: Any) -> tuple[int, ...]:
    """Net px between the cells of each level, where a generator has strides of its own; empty where the picture decides."""
    return (generator.strides or ()) if isinstance(generator, ConventionalAnchors) else ()


def _cells(generator: AnchorGenerator, sizes: Sizes, ratios: Sizes) -> list[Tensor]:
    return [generator.generate_anchors(of_level, shapes) for of_level, shapes in zip(sizes, ratios, strict=True)]
