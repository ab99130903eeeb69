"""The order of the anchors of one cell in a head's outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from fpn_viewer.core.checkpoints.values import Recognised
    from fpn_viewer.core.detectors.spec import Settings


def ratio_by_ratio(recognised: Recognised, settings: Settings) -> Mapping[str, Tensor]:
    """The tensors with the outputs of `recognised.size_by_size` in the order in which torchvision lays anchors.

    Args:
        recognised: its `size_by_size` tensors have outputs for all ratios of the first anchor size, then of the next.
        settings: in force; they say how many sizes and ratios there are. As many as the head has outputs for.
    """
    sizes, ratios = len(settings.anchor_sizes[0]), len(settings.aspect_ratios)
    if sizes == 1 or ratios == 1:
        return recognised.tensors
    out = dict(recognised.tensors)
    for name in recognised.size_by_size:
        rows = out[name]
        out[name] = rows.unflatten(0, (sizes, ratios, -1)).transpose(0, 1).flatten(0, 2)
    return out
