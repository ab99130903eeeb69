"""Selection again, with provenance: torchvision's two filters as array operations that keep every candidate's fate.

The steps and their order are those of `RegionProposalNetwork.filter_proposals` and `RoIHeads.postprocess_detections`
(torchvision 0.29); the same torchvision operations are called on the same tensors, so that results are equal bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torchvision.ops import boxes as box_ops

from fpn_viewer.core.structures import STAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from fpn_viewer.core.detectors.spec import Settings

#: `RegionProposalNetwork.min_size` and the literal in `postprocess_detections`, net px
RPN_MIN_SIZE = 1e-3
HEAD_MIN_SIZE = 1e-2


@dataclass(frozen=True, eq=False)
class Fate:
    """What a selection did to its candidates.

    Attributes:
        alive_after: index into `STAGES` of the last stage survived (N,) int8.
        kept: candidates that came out, best first (K,) int64.
        boxes: all boxes clipped to the picture (N, 4) xyxy net px; laid out column by column.
        scores: all scores (N,).
        entered: candidates that came to NMS, in its order (E,) int64.
        winners: candidates that NMS kept, best first (W,) int64; `kept` is their head.
        groups: within which NMS compares: level in the RPN, class behind the heads (N,) int64.
        limit: IoU above which NMS removes.
    """

    alive_after: Tensor
    kept: Tensor
    boxes: Tensor
    scores: Tensor
    entered: Tensor
    winners: Tensor
    groups: Tensor
    limit: float

    @property
    def compared(self) -> Tensor:
        """The boxes that NMS compared (N, 4) xyxy net px."""
        return self.boxes

    @cached_property
    def suppressed_by(self) -> Tensor:
        """Candidate that removed each in NMS, or -1 (N,) int64."""
        out = torch.full((len(self.boxes),), -1, dtype=torch.int64, device=self.boxes.device)
        is_winner = torch.zeros(len(self.boxes), dtype=torch.bool, device=self.boxes.device)
        is_winner[self.winners] = True
        gone = self.entered[~is_winner[self.entered]]
        out[gone] = self.suppressors(gone)
        return out

    def suppressors(self, rows: Tensor) -> Tensor:
        """For candidates that NMS removed (R,), the best kept one of the group that overlaps each by more than the limit (R,)."""
        out = torch.full_like(rows, -1)
        groups, winner_groups = self.groups[rows], self.groups[self.winners]
        for group in groups.unique():
            here, winners = torch.where(groups == group)[0], self.winners[winner_groups == group]
            if len(winners):
                out[here] = winners[_first_over(box_ops.box_iou(self.compared[rows[here]], self.compared[winners]), self.limit)]
        return out


class Answers:
    """What every selection from the same answers of the RPN starts with, worked out once and shared by what-ifs.

    Attributes:
        boxes_net: (N, 4) anchors after regression, not clipped, in torchvision's order.
        logits: per level (A, h, w), objectness.
    """

    def __init__(self, boxes_net: Tensor, logits: Sequence[Tensor]) -> None:
        self.boxes_net, self.logits = boxes_net, tuple(logits)
        self._clipped: tuple[tuple[int, int], Tensor] | None = None

    def fits(self, boxes_net: Tensor, logits: Sequence[Tensor]) -> bool:
        """Whether these are the very tensors it was made of."""
        same = boxes_net is self.boxes_net and len(logits) == len(self.logits)
        return same and all(a is b for a, b in zip(logits, self.logits, strict=True))

    @cached_property
    def objectness(self) -> Tensor:
        """(N,) logits in torchvision's order: level, row, column, shape."""
        parts = [x.permute(1, 2, 0).reshape(-1) for x in self.logits]
        return torch.cat(parts) if parts else torch.empty(0)

    @cached_property
    def scores(self) -> Tensor:
        """(N,) sigmoid of the objectness."""
        return torch.sigmoid(self.objectness)

    @cached_property
    def levels(self) -> Tensor:
        """(N,) int64 index of the level of each."""
        counts = torch.tensor([x.numel() for x in self.logits], device=self.boxes_net.device)
        return torch.repeat_interleave(torch.arange(len(counts), device=counts.device), counts)

    def clipped(self, net_size: tuple[int, int]) -> Tensor:
        """(N, 4) boxes clipped to a picture of (H, W) net px."""
        if self._clipped is None or self._clipped[0] != net_size:
            self._clipped = net_size, clip(self.boxes_net, net_size)
        return self._clipped[1]


def clip(boxes_net: Tensor, net_size: tuple[int, int]) -> Tensor:
    """torchvision's `clip_boxes_to_image`, on columns of their own: twice as fast, and later looks at one column need no copy.

    Args:
        boxes_net: (N, 4) xyxy net px.
        net_size: (H, W) net px.
    """
    columns = boxes_net.t().clone(memory_format=torch.contiguous_format)
    columns[0::2].clamp_(min=0, max=net_size[1])
    columns[1::2].clamp_(min=0, max=net_size[0])
    return columns.t()


def select_proposals(answers: Answers, counts: Sequence[int], net_size: tuple[int, int], settings: Settings) -> Fate:
    """The RPN's filter: top-k per level → clip → min size → score → NMS per level → cap over all levels.

    Args:
        answers: of the RPN.
        counts: anchors per level; their sum is N.
        net_size: (H, W) before padding, net px.
        settings: the `rpn_…` settings are used.
    """
    logits, levels, boxes, scores = answers.objectness, answers.levels, answers.clipped(net_size), answers.scores.clone()
    alive = _ladder(logits, "rpn_regression")
    rows = _top_k(logits, counts, settings.rpn_pre_nms_top_n)
    # torchvision takes the sigmoid of the gathered logits; the vector unit's last bit depends on an element's place
    scores[rows] = torch.sigmoid(logits[rows][None])[0]
    alive[rows] = STAGE["rpn_top_k"]
    rows = _step(rows, box_ops.remove_small_boxes(boxes[rows], RPN_MIN_SIZE), alive, "rpn_min_size")
    rows = _step(rows, torch.where(scores[rows] >= settings.rpn_score_thresh)[0], alive, "rpn_score")
    winners = rows[box_ops.batched_nms(boxes[rows], scores[rows], levels[rows], settings.rpn_nms_thresh)]
    alive[winners] = STAGE["rpn_nms"]
    kept = winners[: settings.rpn_post_nms_top_n]
    alive[kept] = STAGE["rpn_cap"]
    return Fate(alive, kept, boxes, scores, rows, winners, levels, settings.rpn_nms_thresh)


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
    boxes = clip(boxes_net[:, 1:].reshape(-1, 4), net_size)
    scores = torch.softmax(class_logits, -1)[:, 1:].reshape(-1)
    labels = torch.arange(1, classes, device=scores.device).repeat(len(class_logits))
    alive = _ladder(scores, "box_regression")
    rows = torch.where(scores > settings.box_score_thresh)[0]
    alive[rows] = STAGE["class_score"]
    rows = _step(rows, box_ops.remove_small_boxes(boxes[rows], HEAD_MIN_SIZE), alive, "min_size")
    winners = rows[box_ops.batched_nms(boxes[rows], scores[rows], labels[rows], settings.box_nms_thresh)]
    alive[winners] = STAGE["nms"]
    kept = winners[: settings.box_detections_per_img]
    alive[kept] = STAGE["detected"]
    return Fate(alive, kept, boxes, scores, rows, winners, labels, settings.box_nms_thresh)


def ranks(logits: NDArray[np.float32], counts: Sequence[int]) -> NDArray[np.int32]:
    """Place of every candidate (N,) by objectness within its level, from 1; among equals the earlier row comes first."""
    # the float's bits as an integer that descends with it, then the row: sorting such keys is twice as fast as a stable argsort
    bits = (logits + np.float32(0)).view(np.int32)
    descending = (np.where(bits < 0, bits ^ np.int32(0x7FFFFFFF), bits) ^ np.int32(-1)).astype(np.int64)
    keys = (descending << 32) | np.arange(len(logits))
    out, start = np.empty(len(logits), np.int32), 0
    for count in counts:
        part = np.sort(keys[start : start + count])
        out[part & 0xFFFFFFFF] = np.arange(1, count + 1, dtype=np.int32)
        start += count
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


def _first_over(iou: Tensor, limit: float) -> Tensor:
    # numpy stops at the first True of a row, torch would count to its end
    over = (iou > limit).cpu().numpy()
    first = torch.from_numpy(over.argmax(1)).to(iou.device)
    # batched_nms shifts boxes by class before comparing, so an IoU on the limit may round the other way here
    stray = torch.from_numpy(~over.any(1)).to(iou.device)
    first[stray] = iou[stray].argmax(1)
    return first
