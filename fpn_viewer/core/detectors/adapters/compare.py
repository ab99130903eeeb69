"""A network's own final detections held against the answers they were chosen from."""

from __future__ import annotations

import torch
from torch import Tensor

from fpn_viewer.core.tracing.replay import clip

#: net px and score within which a detection of the network's own is taken for one of the answers: its code rounds in another order
BOX, SCORE = 0.05, 1e-3

Found = dict[str, Tensor]


def on_answers(own: tuple[Tensor, Tensor, Tensor], scores: Tensor, boxes: Tensor, net_size: tuple[int, int]) -> Found:
    """The network's own detections, each with the very numbers of the answer that it is, where there is one.

    Args:
        own: boxes (D, 4) xyxy net px, scores (D,), labels (D,), as `Adapter.detections` gives them.
        scores: (N, K) of the answers.
        boxes: (N, 4) of the answers, net px, not clipped.
        net_size: (H, W) before padding, net px; boxes are clipped to it.

    Returns:
        boxes, scores and labels, best first.
    """
    answered = clip(boxes, net_size)
    found = clip(own[0].to(boxes).view(-1, 4), net_size).clone()
    score, label = own[1].to(boxes).flatten().clone(), own[2].to(boxes.device).flatten().long()
    for row in range(len(found)):
        if not 0 <= int(label[row]) < scores.shape[1]:
            continue
        of_class = scores[:, label[row]]
        far = (answered - found[row]).abs().amax(1)
        near = torch.where((far <= BOX) & ((of_class - score[row]).abs() <= SCORE))[0]
        if len(near):
            best = near[far[near].argmin()]
            found[row], score[row] = answered[best], of_class[best]
    order = torch.sort(score, descending=True, stable=True).indices
    return {"boxes": found[order], "scores": score[order], "labels": label[order]}


def same(own: Found, ours: Found) -> bool:
    """Whether two lists of detections hold the same ones; of those with one score the order does not matter."""
    return len(own["scores"]) == len(ours["scores"]) and sorted(_rows(own)) == sorted(_rows(ours))


def _rows(found: Found) -> list[tuple[float, ...]]:
    columns = zip(found["boxes"].tolist(), found["scores"].tolist(), found["labels"].tolist(), strict=True)
    return [(*box, score, float(label)) for box, score, label in columns]
