"""One-stage heads (RetinaNet, FCOS, YOLO-style): what they answered, and their selection again with provenance.

All of them score every anchor under every class, level by level, and select in one way: score > threshold → top-k of each level →
decode → clip → NMS per class over all levels → cap. Where the code base of the weights does so, boxes are clipped behind the cap
instead. They differ in the rows of `SCORES` and `CODERS`. The order of operations is that of
`RetinaNet.postprocess_detections` and `FCOS.postprocess_detections` (torchvision 0.29), so that results are equal bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torchvision.models.detection._utils import BoxCoder, BoxLinearCoder
from torchvision.ops import boxes as box_ops

from fpn_viewer.core.structures import DENSE_STAGE, Candidates, ClassBoxes, Detections, Divergence, as_numpy
from fpn_viewer.core.tracing.replay import Fate, clip, ranks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from fpn_viewer.core.detectors.spec import Settings
    from fpn_viewer.core.tracing.replay import Answers

#: score of every class from class logits (n, K) and quality logits (n, 1), by name
SCORES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "class": lambda logits, _: torch.sigmoid(logits),
    "centerness": lambda logits, quality: torch.sqrt(torch.sigmoid(logits) * torch.sigmoid(quality)),
    "objectness": lambda logits, quality: torch.sigmoid(quality) * torch.sigmoid(logits),
    # an adapter gives scores, not logits
    "given": lambda scores, _: scores,
}
#: boxes (n, 4) net px from a regression (n, 4) and anchors (n, 4), by name
CODERS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "deltas": BoxCoder(weights=(1.0, 1.0, 1.0, 1.0)).decode_single,
    "distances": BoxLinearCoder(normalize_by_size=True).decode,
    "boxes": lambda regression, _: regression,
}
#: torchvision's box coders by class
_CODER_OF: dict[type[Any], str] = {BoxCoder: "deltas", BoxLinearCoder: "distances"}
#: name of a head's output that is its quality, to the score it is part of
QUALITIES = {"bbox_ctrness": "centerness", "objectness": "objectness"}
#: keeps the logit of a score that rounds to 0 or 1 finite
_EPS = 1e-7


@dataclass(frozen=True)
class DenseHead:
    """What a one-stage head answered, every anchor in torchvision's order (level, row, column, shape).

    Attributes:
        class_logits: (N, K), labels from 0.
        quality: (N, 1) logits of the centerness or the objectness; (N, 0) where the class alone scores.
        regression: (N, 4), as `coder` reads it.
        score: a key of `SCORES`.
        coder: a key of `CODERS`.
    """

    class_logits: Tensor
    quality: Tensor
    regression: Tensor
    score: str
    coder: str

    def scores(self, rows: Tensor, label: int | None = None) -> Tensor:
        """The scores of some anchors under every class (n, K), or under one (n,)."""
        if label is None:
            return SCORES[self.score](self.class_logits[rows], self.quality[rows])
        return SCORES[self.score](self.class_logits[rows, label][:, None], self.quality[rows])[:, 0]

    def boxes(self, anchors: Tensor) -> Tensor:
        """Every anchor after regression, (N, 4) net px, not clipped."""
        return CODERS[self.coder](self.regression, anchors)

    def best_logits(self) -> Tensor:
        """The logit of the score of every anchor's best class (N,)."""
        best = self.class_logits.amax(-1, keepdim=True)
        if self.score == "class":
            return best[:, 0]
        return torch.logit(SCORES[self.score](best, self.quality)[:, 0], _EPS)

    def levels(self, counts: Sequence[int]) -> Iterator[tuple[int, Tensor, Tensor]]:
        """For each level its first row, class logits (n, K) and quality (n, …)."""
        start = 0
        for logits, quality in zip(self.class_logits.split(list(counts)), self.quality.split(list(counts)), strict=True):
            yield start, logits, quality
            start += len(logits)


def head_of(module: Any, answers: dict[str, Tensor]) -> DenseHead:
    """The answers of a torchvision one-stage head, (N, …) each by the name of the head's output."""
    logits = answers["cls_logits"]
    name, score = next(((n, s) for n, s in QUALITIES.items() if n in answers), ("", "class"))
    quality = answers[name] if name else logits[:, :0]
    return DenseHead(logits, quality, answers["bbox_regression"], score, _CODER_OF.get(type(module.box_coder), "boxes"))


def objectness(head: DenseHead, counts: Sequence[int], sizes: Sequence[Sequence[int]]) -> list[Tensor]:
    """The best logits as maps, (A, h, w) for each level of `sizes` (h, w)."""
    parts = head.best_logits().split(list(counts))
    return [part.view(int(h), int(w), -1).permute(2, 0, 1) for part, (h, w) in zip(parts, sizes, strict=True)]


# -- selection ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class DenseFate(Fate):
    """What a one-stage selection did; its candidates are the pairs of anchor and class that the top-k let through.

    `alive_after` counts in `DENSE_STAGES`, and `groups` are the classes.

    Attributes:
        rows: the anchor of each pair (P,).
        passed: whether any class of an anchor was above the threshold (N,).
        above: for each level the scores of all pairs above the threshold.
        unclipped: the boxes of the pairs as NMS compared them (P, 4) xyxy net px, where it came before the clipping.
    """

    rows: Tensor
    passed: Tensor
    above: tuple[Tensor, ...]
    unclipped: Tensor | None = None

    @property
    def compared(self) -> Tensor:
        """The boxes that NMS compared."""
        return self.boxes if self.unclipped is None else self.unclipped

    @cached_property
    def sorted_above(self) -> tuple[NDArray[np.float32], ...]:
        """The same from the lowest score to the highest, for looking up ranks."""
        return tuple(np.sort(as_numpy(scores.float())) for scores in self.above)


def select(
    head: DenseHead,
    anchors: Tensor,
    counts: Sequence[int],
    net_size: tuple[int, int],
    settings: Settings,
    *,
    clip_before_nms: bool = True,
) -> DenseFate:
    """The selection of a one-stage head.

    Args:
        head: its answers.
        anchors: (N, 4) xyxy net px.
        counts: anchors per level; their sum is N.
        net_size: (H, W) before padding, net px.
        settings: `topk_candidates` and the `box_…` settings are used.
        clip_before_nms: boxes are clipped to the picture before NMS; else behind the cap, and those then empty go.
    """
    of_level = [*_pairs(head, anchors, counts, settings)]
    passed, above, rows, labels, scores, boxes = zip(*of_level, strict=True)
    raw = torch.cat(boxes)
    clipped = clip(raw, net_size)
    groups, best = torch.cat(labels), torch.cat(scores)
    alive, winners = _suppress(clipped if clip_before_nms else raw, best, groups, settings)
    kept = winners[: settings.box_detections_per_img]
    return DenseFate(
        alive_after=alive,
        kept=kept if clip_before_nms else _left_of(clipped, kept, alive),
        boxes=clipped,
        scores=best,
        entered=torch.arange(len(alive), device=alive.device),
        winners=winners,
        groups=groups,
        limit=settings.box_nms_thresh,
        rows=torch.cat(rows),
        passed=torch.cat(passed),
        above=above,
        unclipped=None if clip_before_nms else raw,
    )


def _pairs(head: DenseHead, anchors: Tensor, counts: Sequence[int], settings: Settings) -> Iterator[tuple[Tensor, ...]]:
    """For each level: which anchors have a class above the threshold, all scores above it, and of the best pairs the anchors' rows,
    the labels, the scores and the boxes, not clipped."""
    for start, logits, quality in head.levels(counts):
        over, all_over, best, pairs = _best_of_level(SCORES[head.score](logits, quality), settings)
        of_level = torch.div(pairs, logits.shape[-1], rounding_mode="floor")
        span = slice(start, start + len(logits))
        decoded = CODERS[head.coder](head.regression[span][of_level], anchors[span][of_level])
        yield over, all_over, of_level + start, pairs % logits.shape[-1], best, decoded


def _left_of(boxes: Tensor, kept: Tensor, alive: Tensor) -> Tensor:
    """Of the kept pairs those whose clipped box has area; the others end behind the cap."""
    x1, y1, x2, y2 = boxes[kept].unbind(1)
    left = (x2 > x1) & (y2 > y1)
    alive[kept[~left]] = DENSE_STAGE["cap"]
    return kept[left]


def _best_of_level(scores: Tensor, settings: Settings) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Which anchors (n,) have a class above the threshold, all scores above it, and scores and flat places of the best pairs."""
    flat = scores.flatten()
    places = _places(flat > settings.box_score_thresh)
    above = flat[places]
    over = torch.zeros(len(scores), dtype=torch.bool, device=scores.device)
    over[torch.div(places, scores.shape[-1], rounding_mode="floor")] = True
    best, order = above.topk(min(settings.topk_candidates, len(places)))
    return over, above, best, places[order]


def _places(which: Tensor) -> Tensor:
    """Where a long vector is True; on the CPU numpy finds the few of eleven million eight times as fast."""
    if which.device.type != "cpu":
        return torch.where(which)[0]
    return torch.from_numpy(np.flatnonzero(which.numpy()))


def _suppress(boxes: Tensor, scores: Tensor, labels: Tensor, settings: Settings) -> tuple[Tensor, Tensor]:
    """The stage that each pair survived last, and the pairs that NMS kept, best first."""
    alive = torch.full((len(scores),), DENSE_STAGE["top_k"], dtype=torch.int8, device=boxes.device)
    winners = box_ops.batched_nms(boxes, scores, labels, settings.box_nms_thresh)
    alive[winners] = DENSE_STAGE["nms"]
    alive[winners[: settings.box_detections_per_img]] = DENSE_STAGE["detected"]
    return alive, winners


# -- tables -------------------------------------------------------------------------------------------------------------


def candidates(
    fate: DenseFate, answers: Answers, counts: Sequence[int], net_size: tuple[int, int], cells: tuple[Any, ...]
) -> Candidates:
    """Every anchor with its fate.

    Args:
        fate: of the pairs.
        answers: of every anchor's best class.
        counts: anchors per level.
        net_size: (H, W) before padding, net px.
        cells: level, row, column and shape of every anchor, (N,) each.
    """
    rows, pair_alive = as_numpy(fate.rows), as_numpy(fate.alive_after)
    alive = np.where(as_numpy(fate.passed), DENSE_STAGE["class_score"], DENSE_STAGE["box_regression"]).astype(np.int8)
    np.maximum.at(alive, rows, pair_alive)
    level, y, x, shape = cells
    objectness = as_numpy(answers.objectness.float())
    return Candidates(
        level=level,
        y=y,
        x=x,
        shape=shape,
        objectness=objectness,
        box_net=as_numpy(answers.clipped(net_size).float()),
        alive_after=alive,
        suppressed_by=np.where(alive == DENSE_STAGE["top_k"], _suppressing_rows(fate, len(alive)), -1).astype(np.int32),
        rank=ranks(objectness, counts),
    )


def _suppressing_rows(fate: DenseFate, count: int) -> NDArray[np.int64]:
    """For every anchor the one that suppressed the best of its pairs (N,), or -1."""
    rows, by = as_numpy(fate.rows), as_numpy(fate.suppressed_by)
    out = np.full(count, -1, np.int64)
    if len(rows):
        # where an anchor has several pairs, the one written last stays
        order = np.argsort(as_numpy(fate.scores), kind="stable")
        out[rows[order]] = np.where(by >= 0, rows[by], -1)[order]
    return out


def class_boxes(fate: DenseFate) -> ClassBoxes:
    """The pairs of anchor and class that the top-k let through."""
    return ClassBoxes(
        as_numpy(fate.rows).astype(np.int32),
        as_numpy(fate.groups).astype(np.int32),
        as_numpy(fate.scores.float()),
        as_numpy(fate.boxes.float()),
        as_numpy(fate.alive_after),
        as_numpy(fate.suppressed_by).astype(np.int32),
    )


def detections(fate: DenseFate, pairs: NDArray[np.int64], output: Mapping[str, Tensor]) -> Detections:
    """The model's own output with the anchor behind each.

    Args:
        fate: of the pairs.
        pairs: behind each detection (D,), or -1.
        output: the model's detections in image px: boxes, scores, labels.
    """
    rows = as_numpy(fate.rows)
    return Detections(
        as_numpy(output["boxes"].float()).reshape(-1, 4),
        as_numpy(output["scores"].float()),
        as_numpy(output["labels"]),
        np.where(pairs >= 0, rows[pairs] if len(rows) else -1, -1).astype(np.int32),
    )


def detection_rows(found: Mapping[str, Tensor], fate: DenseFate) -> NDArray[np.int64]:
    """The pair behind each of the model's detections (D,), or -1: in the replay's order, or else by box and label."""
    if _same(found, fate):
        return as_numpy(fate.kept)
    ours = zip(fate.boxes.tolist(), fate.groups.tolist(), strict=True)
    table = {(*box, label): pair for pair, (box, label) in enumerate(ours)}
    theirs = zip(found["boxes"].tolist(), found["labels"].tolist(), strict=True)
    return np.array([table.get((*box, label), -1) for box, label in theirs], np.int64)


def _same(found: Mapping[str, Tensor], fate: DenseFate) -> bool:
    pairs = {"boxes": fate.boxes, "scores": fate.scores, "labels": fate.groups}
    return all(torch.equal(column[fate.kept], found[name].to(column.device)) for name, column in pairs.items())


def first_difference(found: Mapping[str, Tensor], fate: DenseFate) -> Divergence | None:
    """None when the replay gives the model's own detections bit for bit."""
    if _same(found, fate):
        return None
    stage = _where(detection_rows(found, fate), as_numpy(fate.alive_after), as_numpy(fate.kept))
    return Divergence(
        stage,
        f"The model's own detections ({len(found['boxes'])}) are not those of torchvision's selection ({len(fate.kept)}), from "
        f"{stage} on; this class selects in its own way, and fates from there on are not known.",
    )


def _where(pairs: NDArray[np.int64], alive: NDArray[np.int8], kept: NDArray[np.int64]) -> str:
    """The earliest stage that a pair the model kept did not survive here, or at which pairs kept here were lost there."""
    if (pairs < 0).any():
        return "class_score"
    reached = alive[pairs]
    if (reached < DENSE_STAGE["nms"]).any():
        return "nms"
    return "cap" if np.array_equal(pairs[: len(kept)], kept[: len(pairs)]) else "class_score"
