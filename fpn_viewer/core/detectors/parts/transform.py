"""The way of a picture into a network and of its boxes back, by the conventions of other code bases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch.nn import functional
from torchvision.models.detection.transform import GeneralizedRCNNTransform, resize_boxes

from fpn_viewer.core.geometry import net_size

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from fpn_viewer.core.detectors.conventions import Conventions

#: what a picture's pixels are counted in before any convention: a white one is this
_WHITE = 255.0


class ConventionalTransform(GeneralizedRCNNTransform):
    """torchvision's transform with channel order, pixel range, resize filter and rounding of sizes of one's choice.

    Pictures are resized first and normalised afterwards, as code bases do that keep pictures as whole grey levels; the padding is 0
    after normalisation, so it has the mean colour. Boxes go back by the ratios of the two sizes, axis by axis.

    Args:
        plain: its sizes, mean and std are taken over; mean and std are in the order and range of `conventions`.
        conventions: how it is to work.
    """

    def __init__(self, plain: GeneralizedRCNNTransform, conventions: Conventions) -> None:
        super().__init__(plain.min_size, plain.max_size, plain.image_mean, plain.image_std, plain.size_divisible)
        self.channel_order = conventions.channel_order
        self.pixel_range = conventions.pixel_range
        self.resize_filter = conventions.resize_filter
        self.size_rounding = conventions.size_rounding

    def normalize(self, image: Tensor) -> Tensor:
        """The picture as it is: normalised is what has been resized."""
        return image

    def resize(self, image: Tensor, target: dict[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor] | None]:
        """A picture (3, H, W), RGB in 0..1, to the network's size, order and range, normalised; boxes (xyxy) along with it.

        Raises:
            DetectorError: a side would become 0 px.
        """
        before = int(image.shape[-2]), int(image.shape[-1])
        after = net_size(before, self.min_size[-1], self.max_size, self.size_rounding)
        levels = _FILTERS[self.resize_filter](image * _WHITE, after)
        ordered = levels.flip(0) if self.channel_order == "BGR" else levels
        out: Tensor = super().normalize(ordered * (self.pixel_range / _WHITE))
        if target is not None:
            target = {**target, "boxes": resize_boxes(target["boxes"], before, after)}
        return out, target


def _bilinear(levels: Tensor, size: tuple[int, int]) -> Tensor:
    return functional.interpolate(levels[None], size=size, mode="bilinear", align_corners=False)[0]


def _antialiased(levels: Tensor, size: tuple[int, int]) -> Tensor:
    """By Pillow itself: it rounds to whole grey levels between its two passes, which no float filter repeats."""
    pixels = levels.round().clamp(0, _WHITE).to(torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy()
    resized = Image.fromarray(pixels).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(resized)).permute(2, 0, 1).to(levels)


#: filters by name: (3, H, W) in grey levels and the size (h, w) to (3, h, w)
_FILTERS: dict[str, Callable[[Tensor, tuple[int, int]], Tensor]] = {"bilinear": _bilinear, "antialias": _antialiased}
