"""What else a change does to a picture: detections gained and lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.analysis.overlap import iou_with
from fpn_viewer.core.structures import as_numpy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpn_viewer.core.geometry import Box
    from fpn_viewer.core.tracing.trace import Trace

#: two detections of one class are the same one, moved, when they overlap by this
_SAME = 0.5
_NEVER = -1.0


@dataclass(frozen=True)
class Effect:
    """A picture after a change.

    Attributes:
        gained: new detections, the object's own not counted.
        lost: detections that are gone.
        false_positives: new ones that overlap nothing that is annotated; None when it is not known what is.
    """

    gained: int
    lost: int
    false_positives: int | None


def effect_on(before: Trace, after: Trace, own: int, object_img: Box, others_img: NDArray[np.float64] | None, iou: float) -> Effect:
    """What else changed.

    Args:
        before: the trace.
        after: the trace under the change.
        own: row of the detection in `after` that matches the object.
        object_img: the object, xyxy image px.
        others_img: (N, 4) everything else that is annotated; None when that is not known.
        iou: overlap from which a detection matches what is annotated.
    """
    kept, found = pair_up(before, after)
    new = np.setdiff1d(np.arange(len(after.raw.output["labels"])), np.append(found, own))
    lost = len(before.raw.output["labels"]) - len(kept)
    if others_img is None:
        return Effect(len(new), lost, None)
    boxes = as_numpy(after.raw.output["boxes"].float())[new]
    annotated = np.concatenate([np.asarray(object_img, np.float64)[None], others_img])
    matched = np.zeros(len(new), np.bool_)
    for box in annotated:
        matched |= iou_with(boxes, box) >= iou
    return Effect(len(new), lost, int((~matched).sum()))


def pair_up(before: Trace, after: Trace) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the detections that are in both traces, one to one: the pairs of one class that overlap most, first."""
    iou = _overlaps(before, after)
    rows, columns = [], []
    while iou.size and iou.max() >= _SAME:
        # every pair that is best for both sides at once; ties are broken by the first
        best = iou.argmax(1)
        mutual = np.flatnonzero((iou.argmax(0)[best] == np.arange(len(iou))) & (iou.max(1) >= _SAME))
        rows.append(mutual)
        columns.append(best[mutual])
        iou[mutual], iou[:, best[mutual]] = _NEVER, _NEVER
    none = np.empty(0, np.int64)
    return np.concatenate([none, *rows]), np.concatenate([none, *columns])


def _overlaps(before: Trace, after: Trace) -> NDArray[np.float64]:
    """IoU (N, M) of detections of the same class, below 0 for others."""
    one, other = (as_numpy(t.raw.output["boxes"].float()) for t in (before, after))
    labels, others = (as_numpy(t.raw.output["labels"]) for t in (before, after))
    pairs = iou_with(np.repeat(one, len(other), 0), np.tile(other, (len(one), 1)))
    return np.where(labels[:, None] == others[None], pairs.reshape(len(one), len(other)), _NEVER)
