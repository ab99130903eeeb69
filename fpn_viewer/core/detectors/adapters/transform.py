"""The first stage of an adapted network: pictures to its input; settings have the names that torchvision's transform gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional
from torchvision.models.detection.image_list import ImageList

from fpn_viewer.core.geometry import net_size, padded

if TYPE_CHECKING:
    from torch import Tensor

    from fpn_viewer.core.detectors.adapters.protocol import Preprocessing


class Resize(nn.Module):
    """Resizes, normalises and pads one picture.

    Attributes:
        min_size: net px of the shorter side, in a tuple as torchvision has it.
        max_size: net px of the longer side at most.
        image_mean: per channel.
        image_std: per channel.
    """

    def __init__(self, preprocessing: Preprocessing) -> None:
        super().__init__()
        self._how = preprocessing
        self.min_size: tuple[int, ...] = (preprocessing.min_size,)
        self.max_size = preprocessing.max_size
        self.image_mean, self.image_std = list(preprocessing.image_mean), list(preprocessing.image_std)

    def forward(self, images: list[Tensor]) -> tuple[ImageList, None]:
        """One picture (3, H, W), RGB in 0..1, as a batch of the network's input with its size before padding."""
        (image,) = images
        how = self._how
        size = net_size((int(image.shape[-2]), int(image.shape[-1])), self.min_size[-1], self.max_size)
        x = functional.interpolate(image[None], size=size, mode="bilinear", align_corners=False, antialias=how.antialias)
        x = (x.flip(1) if how.channel_order == "BGR" else x) * how.pixel_range
        height, width = self._padded(size)
        beyond = (0, width - size[1], 0, height - size[0])
        if how.pad_value is not None:
            x = functional.pad(x, beyond, value=how.pad_value)
        mean, std = (torch.tensor(v, device=x.device, dtype=x.dtype)[:, None, None] for v in (self.image_mean, self.image_std))
        x = (x - mean) / std
        return ImageList(x if how.pad_value is not None else functional.pad(x, beyond), [size]), None

    def _padded(self, size: tuple[int, int]) -> tuple[int, int]:
        if self._how.square:
            # a what-if may let one side pass the square
            side = max(self.max_size, *size)
            return side, side
        return padded(size, self._how.divisor)
