"""Selection again, with provenance: torchvision's two filters as array operations that keep every candidate's fate.

The steps and their order are those of `RegionProposalNetwork.filter_proposals` and `RoIHeads.postprocess_detections`
(torchvision 0.29); the same torchvision operations are called on the same tensors, so that results are equal bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torchvision.ops import boxes as box_ops

from fpn_viewer.core.structures import STAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from fpn_viewer.core.detectors.spec import Settings

#: `RegionProposalNetwork.min_size` and the literal in `postprocess_detections`, net px
RPN_MIN_SIZE = 1e-3
HEAD_MIN_SIZE = 1e-2


@dataclass(frozen=True)
class Fate:
    """What a selection did to its candidates.

    Attributes:
        alive_after: index into `STAGES` of the last stage survived (N,) int8.
        suppressed_by: candidate that removed it in NMS, or -1 (N,) int64.
        kept: candidates that came out, best first (K,) int64.
        boxes: all boxes clipped to the picture (N, 4) xyxy net px.
        scores: all scores (N,).
    """

    alive_after: Tensor
    suppressed_by: Tensor
    kept: Tensor
    boxes: Tensor
    scores: Tensor


def select_proposals(
    boxes_net: Tensor, logits: Tensor, counts: Sequence[int], net_size: tuple[int, int], settings: Settings
) -> Fate:
    """The RPN's filter: top-k per level → clip → min size → score → NMS per level → cap over all levels.

    Args:
        boxes_net: (N, 4) anchors after regression, not clipped, in torchvision's order.
        logits: (N,) objectness.
        counts: anchors per level; their sum is N.
        net_size: (H, W) before padding, net px.
        settings: the `rpn_…` settings are used.
    """
    levels = torch.repeat_interleave(torch.arange(len(counts), device=logits.device), torch.tensor(counts, device=logits.device))
    boxes, scores = box_ops.clip_boxes_to_image(boxes_net, net_size), torch.sigmoid(logits)
    alive = _ladder(logits, "rpn_regression")
    rows = _top_k(logits, counts, settings.rpn_pre_nms_top_n)
    # torchvision takes the sigmoid of the gathered logits; the vector unit's last bit depends on an element's place
    scores[rows] = torch.sigmoid(logits[rows][None])[0]
    alive[rows] = STAGE["rpn_top_k"]
    rows = _step(rows, box_ops.remove_small_boxes(boxes[rows], RPN_MIN_SIZE), alive, "rpn_min_size")
    rows = _step(rows, torch.where(scores[rows] >= settings.rpn_score_thresh)[0], alive, "rpn_score")
    kept = rows[box_ops.batched_nms(boxes[rows], scores[rows], levels[rows], settings.rpn_nms_thresh)]
    alive[kept] = STAGE["rpn_nms"]
    suppressed = _suppressors(boxes, levels, rows, kept, settings.rpn_nms_thresh)
    kept = kept[: settings.rpn_post_nms_top_n]
    alive[kept] = STAGE["rpn_cap"]
    return Fate(alive, suppressed, kept, boxes, scores)


def select_detections(boxes_net: Tensor, class_logits: Tensor, net_size: tuple[int, int], settings: Settings) -> Fate:
    """The second stage's filter: class score → min size → NMS per class → cap over all classes.

    Args:
        boxes_net: (R, K, 4) decoded box of every proposal and class, background (0) included, not clipped.
        class_logits: (R, K).
        net_size: (H, W) before padding, net px.
        settings: the `box_…` settings are used.

    Returns:
        The fate of R·(K-1) candidates, proposal by proposal, classes from 1.
    """
    classes = class_logits.shape[-1]
    boxes = box_ops.clip_boxes_to_image(boxes_net, net_size)[:, 1:].reshape(-1, 4)
    scores = torch.softmax(class_logits, -1)[:, 1:].reshape(-1)
    labels = torch.arange(1, classes, device=scores.device).repeat(len(class_logits))
    alive = _ladder(scores, "box_regression")
    rows = torch.where(scores > settings.box_score_thresh)[0]
    alive[rows] = STAGE["class_score"]
    rows = _step(rows, box_ops.remove_small_boxes(boxes[rows], HEAD_MIN_SIZE), alive, "min_size")
    kept = rows[box_ops.batched_nms(boxes[rows], scores[rows], labels[rows], settings.box_nms_thresh)]
    alive[kept] = STAGE["nms"]
    suppressed = _suppressors(boxes, labels, rows, kept, settings.box_nms_thresh)
    kept = kept[: settings.box_detections_per_img]
    alive[kept] = STAGE["detected"]
    return Fate(alive, suppressed, kept, boxes, scores)


def ranks(logits: Tensor, counts: Sequence[int]) -> Tensor:
    """Place of every candidate by objectness within its level, from 1 (N,)."""
    out = torch.empty(len(logits), dtype=torch.int32, device=logits.device)
    start = 0
    for part in logits.split(list(counts)):
        order = part.argsort(descending=True, stable=True)
        out[start + order] = torch.arange(1, len(part) + 1, dtype=torch.int32, device=logits.device)
        start += len(part)
    return out


def _ladder(like: Tensor, stage: str) -> Tensor:
    return torch.full((len(like),), STAGE[stage], dtype=torch.int8, device=like.device)


def _step(rows: Tensor, keep: Tensor, alive: Tensor, stage: str) -> Tensor:
    rows = rows[keep]
    alive[rows] = STAGE[stage]
    return rows


def _top_k(logits: Tensor, counts: Sequence[int], top_n: int) -> Tensor:
    rows, start = [], 0
    for part in logits.split(list(counts)):
        # two-dimensional, as torchvision calls it: ties are then broken alike
        _, best = part[None].topk(min(top_n, len(part)), dim=1)
        rows.append(best[0] + start)
        start += len(part)
    return torch.cat(rows)


def _suppressors(boxes: Tensor, groups: Tensor, rows: Tensor, kept: Tensor, limit: float) -> Tensor:
    """For every candidate that NMS removed, the best kept one of its group that overlaps it by more than `limit`."""
    out = torch.full((len(boxes),), -1, dtype=torch.int64, device=boxes.device)
    is_kept = torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
    is_kept[kept] = True
    for group in groups[rows].unique():
        gone = rows[(groups[rows] == group) & ~is_kept[rows]]
        winners = kept[groups[kept] == group]
        if len(gone) and len(winners):
            out[gone] = winners[_first_over(box_ops.box_iou(boxes[gone], boxes[winners]), limit)]
    return out


def _first_over(iou: Tensor, limit: float) -> Tensor:
    over = iou > limit
    # batched_nms shifts boxes by class before comparing, so an IoU on the limit may round the other way here
    return torch.where(over.any(1), over.int().argmax(1), iou.argmax(1))
