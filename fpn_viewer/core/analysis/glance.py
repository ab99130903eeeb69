"""How one object fares in a trace, in four numbers: much less than a life line, for what is asked after every try."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torchvision.ops import boxes as box_ops

from fpn_viewer.core.analysis.overlap import iou_with
from fpn_viewer.core.structures import as_numpy

if TYPE_CHECKING:
    from torch import Tensor

    from fpn_viewer.core.geometry import Box
    from fpn_viewer.core.tracing.trace import Trace


@dataclass(frozen=True)
class Glance:
    """One object in one trace.

    Attributes:
        objectness: best sigmoid objectness of a box of the first stage near the object, 0..1; 0 without one.
        iou: best overlap of a box behind the heads that stands for its class.
        score: best score of its class on such a box that overlaps it enough; 0 without one.
        detection: row of the model's detections that matches it best; None when it was missed.
    """

    objectness: float
    iou: float
    score: float
    detection: int | None


def glance(trace: Trace, box_img: Box, label: int | None, iou: float) -> Glance:
    """How an object fares in a trace.

    Args:
        trace: of any family.
        box_img: the object, xyxy image px.
        label: its class; None for any.
        iou: overlap from which a box counts as near.
    """
    box = torch.from_numpy(trace.geometry.to_net(box_img)).float().to(trace.raw.boxes.device)
    with torch.inference_mode():
        answers = trace.raw.answers
        overlap = box_ops.box_iou(answers.clipped(trace.net_size), box[None])[:, 0]
        objectness = _best(torch.sigmoid(answers.objectness[overlap >= iou]))
        of_heads, scores = _behind_heads(trace, box, label, overlap)
        score = _best(scores[of_heads >= iou])
    found = matching_detection(trace, box_img, label, iou)
    return Glance(objectness, _best(of_heads), score, None if found is None else found[0])


def matching_detection(trace: Trace, box_img: Box, label: int | None, iou: float) -> tuple[int, float] | None:
    """Row and IoU of the model's own detection that matches an object best; None when none does."""
    output = trace.raw.output
    overlap = iou_with(as_numpy(output["boxes"].float()), box_img)
    if label is not None:
        overlap = np.where(as_numpy(output["labels"]) == label, overlap, 0.0)
    if not len(overlap) or overlap.max() < iou:
        return None
    row = int(overlap.argmax())
    return row, float(overlap[row])


def _best(values: Tensor) -> float:
    return float(values.max()) if len(values) else 0.0


def _behind_heads(trace: Trace, box: Tensor, label: int | None, overlap: Tensor) -> tuple[Tensor, Tensor]:
    """IoU with the object and score of every box that stands for its class, (M,) each."""
    raw = trace.raw
    if raw.dense is not None:
        rows = torch.where(overlap > 0)[0]
        scores = raw.dense.scores(rows)
        return overlap[rows], scores.amax(1) if label is None else scores[:, label]
    classes = slice(1, None) if label is None else slice(label, label + 1)
    boxes = box_ops.clip_boxes_to_image(raw.class_boxes[:, classes].reshape(-1, 4), trace.net_size)
    scores = torch.softmax(raw.class_logits, -1)[:, classes].reshape(-1)
    return box_ops.box_iou(boxes, box[None])[:, 0], scores
