"""One-stage detectors that compare boxes as they were regressed and cut them to the picture afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torchvision.models.detection import FCOS, RetinaNet
from torchvision.ops import boxes as box_ops

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class _LateClipping:
    """Replaces torchvision's selection: score → top-k per level → decode → NMS per class → cap → clip → what is left of a box."""

    def postprocess_detections(
        self: Any, head_outputs: dict[str, list[Tensor]], anchors: list[list[Tensor]], image_shapes: list[tuple[int, int]]
    ) -> list[dict[str, Tensor]]:
        """Boxes (D, 4) xyxy net px, scores and labels of each picture, best first.

        Args:
            head_outputs: by torchvision's names, per level (N, n_l, …).
            anchors: of each picture, per level (n_l, 4) xyxy net px.
            image_shapes: (H, W) of each picture before padding, net px.
        """
        found = []
        for index, shape in enumerate(image_shapes):
            levels = range(len(anchors[index]))
            of_level = [
                self._best({n: x[level][index] for n, x in head_outputs.items()}, anchors[index][level]) for level in levels
            ]
            boxes, scores, labels = (torch.cat(column) for column in zip(*of_level, strict=True))
            kept = box_ops.batched_nms(boxes, scores, labels, self.nms_thresh)[: self.detections_per_img]
            clipped = box_ops.clip_boxes_to_image(boxes[kept], shape)
            left = not_empty(clipped)
            found.append({"boxes": clipped[left], "scores": scores[kept][left], "labels": labels[kept][left]})
        return found

    def _best(self: Any, answers: dict[str, Tensor], anchors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes, scores and labels of the best pairs of anchor and class of one level."""
        scores = self._scores(answers)
        places = torch.where(scores.flatten() > self.score_thresh)[0]
        best, order = scores.flatten()[places].topk(min(self.topk_candidates, len(places)))
        pairs = places[order]
        rows = torch.div(pairs, scores.shape[-1], rounding_mode="floor")
        return self._decode(answers["bbox_regression"][rows], anchors[rows]), best, pairs % scores.shape[-1]


class LateRetinaNet(_LateClipping, RetinaNet):
    """A RetinaNet that clips its boxes after NMS."""

    def _scores(self, answers: dict[str, Tensor]) -> Tensor:
        return torch.sigmoid(answers["cls_logits"])

    def _decode(self, regression: Tensor, anchors: Tensor) -> Tensor:
        boxes: Tensor = self.box_coder.decode_single(regression, anchors)
        return boxes


class LateFCOS(_LateClipping, FCOS):
    """An FCOS that clips its boxes after NMS."""

    def _scores(self, answers: dict[str, Tensor]) -> Tensor:
        return torch.sqrt(torch.sigmoid(answers["cls_logits"]) * torch.sigmoid(answers["bbox_ctrness"]))

    def _decode(self, regression: Tensor, anchors: Tensor) -> Tensor:
        boxes: Tensor = self.box_coder.decode(regression, anchors)
        return boxes


def not_empty(boxes: Tensor) -> Tensor:
    """Rows of the boxes (N, 4) that have area, (R,) int64."""
    return torch.where((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))[0]


def kinds(clip_first: bool) -> Sequence[type[Any]]:
    """The classes for RetinaNet and FCOS."""
    return (RetinaNet, FCOS) if clip_first else (LateRetinaNet, LateFCOS)
