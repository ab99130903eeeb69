"""What buffers of older detectron2 files let one conclude of how the network computes. Their values are read in `buffers.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fpn_viewer.core.checkpoints.buffers import settings_in
from fpn_viewer.core.checkpoints.detectron2.names import CELL_ANCHORS, PIXEL_MEAN, PIXEL_STD
from fpn_viewer.core.checkpoints.values import likely
from fpn_viewer.core.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

#: the share of the highest mean by which red and blue are apart in the means that people use
_APART = 0.05


def conventions_of(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Any, str]]:
    """Name of a convention, its value and the origin of that, from the pixels' mean and deviation.

    Args:
        tensors: under detectron2's names.
    """
    settings = {setting: value for setting, value, _ in settings_in(tensors)}
    mean, std = settings.get("image_mean"), settings.get("image_std")
    if mean is not None and max(mean) > 0:
        origin = likely(f"the file's own {PIXEL_MEAN} is {', '.join(f'{v:g}' for v in mean)}")
        yield "pixel_range", 255.0 if max(mean) > 1 else 1.0, origin
        if abs(mean[0] - mean[2]) > _APART * max(mean):
            # pictures are redder than blue
            yield "channel_order", "RGB" if mean[0] > mean[2] else "BGR", origin
    if std is not None and set(std) != {1.0}:
        # the networks with the stride in the 1×1 are those of MSRA, trained on deviations of 1
        yield "stride_in_1x1", False, likely(f"the file's own {PIXEL_STD} is not 1")


def check_anchors(name: str, tensors: Mapping[str, Tensor]) -> None:
    """Refuses a file that says its anchors, when they are of a kind that cannot be laid.

    Raises:
        CheckpointError: they are not sizes times ratios, with the same ratios on each level.
    """
    has = any(CELL_ANCHORS.match(key) for key in tensors)
    if has and not any(setting == "anchor_sizes" for setting, _, _ in settings_in(tensors)):
        raise CheckpointError(
            f"{name} holds anchors (anchor_generator.cell_anchors) that are not sizes times ratios, with the same ratios on each "
            "level; such anchors cannot be laid."
        )
