"""What finer anchors would do for an object in training: worked out from the anchors, not run, as the weights must learn them."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
import torch
from torchvision.models.detection.image_list import ImageList

from fpn_viewer.core.analysis.assignment import training
from fpn_viewer.core.analysis.line import Remedy
from fpn_viewer.core.detectors.parts.anchors import anchor_generator
from fpn_viewer.core.detectors.spec import Settings
from fpn_viewer.core.numbers import significant

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpn_viewer.core.analysis.line import LifeLine, Training
    from fpn_viewer.core.tracing.trace import Trace

    AnchorSizes = tuple[tuple[float, ...], ...]

#: an object that some anchor overlaps by this needs no finer ones
ENOUGH = 0.5


def finer_anchors(trace: Trace, line: LifeLine, others_img: NDArray[np.float64] | None) -> tuple[Remedy, ...]:
    """Anchor sizes with which training would see an object that is smaller than every anchor, or nothing.

    All sizes are made smaller by one factor, so that those of the finest level become as large as the object.

    Args:
        trace: of any family.
        line: what became of the object in it.
        others_img: (N, 4) other ground truth, xyxy image px.
    """
    before = line.training
    if before is None or before.best_iou >= ENOUGH:
        return ()
    sizes = finer_sizes(trace.settings.anchor_sizes, sqrt(line.sizes.net[0] * line.sizes.net[1]))
    if sizes is None:
        return ()
    finer = replace(trace, raw=replace(trace.raw, anchors=anchors_of(trace, sizes)))
    after = training(finer, line.box_img, np.empty((0, 4)) if others_img is None else others_img)
    if after is None or after.best_iou < ENOUGH:
        return ()
    return (Remedy("anchor_sizes", sizes, trace.settings.anchor_sizes, _outcome(sizes, before, after), retrain=True),)


def finer_sizes(sizes: AnchorSizes, side: float) -> AnchorSizes | None:
    """Anchor sizes scaled so that the smallest one is `side` in whole net px; None when it is no smaller than they are."""
    smallest = min(min(row) for row in sizes)
    factor = max(1, round(side)) / smallest
    if factor >= 1:
        return None
    scaled = tuple(tuple(size * factor for size in row) for row in sizes)
    # whole numbers as such, as a user would write them
    return Settings().changed(anchor_sizes=scaled).anchor_sizes


def anchors_of(trace: Trace, sizes: AnchorSizes) -> torch.Tensor:
    """(N, 4) the anchors that a generator of the detector's conventions lays over a trace's levels, xyxy net px."""
    names = [level.name for level in trace.levels]
    generator = anchor_generator(sizes, trace.settings.aspect_ratios, trace.spec.conventions, names)
    # the generator looks at shapes only: no memory is taken
    nothing = torch.zeros((), device=trace.raw.anchors.device)
    maps = [nothing.expand(1, 1, *level.size) for level in trace.levels]
    out: torch.Tensor = generator(ImageList(nothing.expand(1, 3, *trace.padded_size), [trace.net_size]), maps)[0]
    return out


def _outcome(sizes: AnchorSizes, before: Training, after: Training) -> str:
    words = ", ".join("/".join(f"{size:g}" for size in row) for row in sizes)
    return (
        f"With anchors of {words} px the best one would overlap it by IoU {significant(after.best_iou)} instead of "
        f"{significant(before.best_iou)}, and training would give it {after.positives} instead of {before.positives}; "
        "this needs training, so it was not tried."
    )
