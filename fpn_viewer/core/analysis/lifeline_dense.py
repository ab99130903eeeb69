"""The life line of an object in a one-stage detector (RetinaNet, FCOS, YOLO-style): every stage of `structures.DENSE_STAGES`.

An anchor has one box for all classes. Up to the top-k a candidate is an anchor, scored for the asked class (for any: by its best);
behind it a candidate is a pair of anchor and class, of which there are few.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from fpn_viewer.core.analysis.common_stages import drawn, read_detected, read_input
from fpn_viewer.core.analysis.near import Deciding, Near, alike_rows, level_of
from fpn_viewer.core.analysis.overlap import iou_with
from fpn_viewer.core.analysis.readers import Half, Step, measured_at, read_cap, read_nms, read_placement, read_score, suppressor
from fpn_viewer.core.analysis.stages import Reader, Reading
from fpn_viewer.core.structures import DENSE_STAGE, DENSE_STAGES, as_numpy

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fpn_viewer.core.analysis.line import NearBoxes
    from fpn_viewer.core.analysis.stages import Question
    from fpn_viewer.core.tracing.dense import DenseFate
    from fpn_viewer.core.tracing.trace import Trace

    Rows = NDArray[np.int64]
    Floats = NDArray[np.float32]


def read(question: Question) -> Reading:
    """Every stage of a one-stage detector, measured."""
    anchors, pairs = _Anchors(question), _pair_half(question)
    stages = (*read_input(question), *(step.measured() for step in _steps(anchors.half, pairs)), read_detected(question))
    removed = suppressor(pairs, "nms")
    return Reading(stages, {} if removed is None else {"nms": removed}, rival_class=anchors.rival_class())


def brief(question: Question, choose: Callable[[Reading], str | None]) -> Reading:
    """The stages counted, and the chosen one measured."""
    anchors, pairs = _Anchors(question), _pair_half(question)
    steps = _steps(anchors.half, pairs)
    counted = Reading((*(step.counted() for step in steps), read_detected(question)))
    killer = choose(counted)
    removed = suppressor(pairs, "nms") if killer == "nms" else None
    return replace(
        counted,
        stages=measured_at(counted.stages, steps, killer),
        suppressors={} if removed is None else {"nms": removed},
        rival_class=anchors.rival_class() if killer == "class_score" else None,
    )


def _steps(anchors: Half, pairs: Half) -> list[Step]:
    """What can lose an object, in order."""
    before = [Step(anchors, name, reader, without=name == "box_regression") for name, reader in _ANCHORS.items()]
    return before + [Step(pairs, name, reader) for name, reader in _PAIRS.items()]


# -- anchors ------------------------------------------------------------------------------------------------------------


class _Anchors:
    """The anchors near an object.

    Attributes:
        half: the selection up to the top-k, its rows those of `Candidates`.
    """

    def __init__(self, question: Question) -> None:
        trace = question.trace
        rows, iou = alike_rows(trace.candidate_columns, question)
        scores = trace.anchor_scores(rows) if question.label is None else _scores(trace, rows, question.label)
        self.near = Near(
            rows=rows,
            boxes_net=trace.candidate_columns.boxes(rows),
            iou=_as_put_out(question, rows, iou, trace.detections.candidate),
            alive=_alive(question, rows, scores),
            scores=scores,
            level=level_of(trace, rows),
            counts=np.ones(len(rows), np.bool_),
            limit=question.iou,
            order=DENSE_STAGES,
        )
        self.half = Half(question, trace.head_side, self.near, "box", "score", lambda some: some, self._labels)

    def _labels(self, rows: Rows) -> Rows:
        """The asked class, or the best one of each of some of the rows."""
        label = self.half.question.label
        if label is not None:
            return np.full(len(rows), label)
        best: Rows = _scores(self.half.trace, rows).argmax(1)
        return best

    def rival_class(self) -> tuple[int, float] | None:
        """The best other class over the score limit on a box near the object."""
        question, rows = self.half.question, self.near.rows[self.near.iou >= self.near.limit]
        if question.label is None or not len(rows):
            return None
        scores = _scores(question.trace, rows)
        scores[:, question.label] = 0
        label = int(scores.max(0).argmax())
        best = float(scores[:, label].max())
        return (label, best) if best > question.trace.settings.box_score_thresh else None


def _scores(trace: Trace, rows: Rows, label: int | None = None) -> Floats:
    """The scores of some anchors under every class (n, K), or under one (n,)."""
    head = trace.raw.dense
    assert head is not None
    with torch.inference_mode():
        return as_numpy(head.scores(torch.from_numpy(rows).to(head.class_logits.device), label).float())


def _alive(question: Question, rows: Rows, scores: Floats) -> NDArray[np.int8]:
    """The last stage that some anchors survived under the asked class (n,)."""
    trace = question.trace
    passed = scores > trace.settings.box_score_thresh
    alive = np.where(passed, DENSE_STAGE["class_score"], DENSE_STAGE["box_regression"]).astype(np.int8)
    pairs = _fate(trace)
    asked = np.flatnonzero(question.is_asked(as_numpy(pairs.groups)))
    anchors = as_numpy(pairs.rows)[asked]
    # a pair behind the top-k did pass, whatever the last bit of its score says here
    here = np.searchsorted(rows, anchors)
    known = (here < len(rows)) & (rows[np.minimum(here, len(rows) - 1)] == anchors) if len(rows) else np.zeros(len(here), np.bool_)
    np.maximum.at(alive, here[known], trace.head_side.alive[asked[known]])
    return alive


def _as_put_out(question: Question, rows: Rows, iou: NDArray[np.float64], detected: NDArray[np.integer]) -> NDArray[np.float64]:
    """For rows that became detections the IoU of the model's output, so that both agree at the limit.

    Args:
        question: the object.
        rows: of a selection (n,).
        iou: with the object (n,).
        detected: row of the same selection behind each detection (D,), or -1.
    """
    out, found = iou.copy(), question.trace.detections
    _, here, there = np.intersect1d(rows, detected, return_indices=True)
    out[here] = iou_with(found.boxes_img[there], question.box_img)
    return out


def _fate(trace: Trace) -> DenseFate:
    fate = trace.dense_fate
    assert fate is not None
    return fate


def _top_k(half: Half, came: Rows, left: Rows) -> Deciding:
    """The best rank that a near box has among all boxes and classes of its level that passed the score limit."""
    limit, near = half.trace.settings.topk_candidates, half.near
    ranks = _ranks(half, came)
    best = int(ranks.argmin())
    index, value = int(came[best]), int(ranks[best])
    level = int(near.level[index])
    name, total = half.trace.levels[level].name, len(_fate(half.trace).above[level])
    verb = "is" if len(left) else "is only"
    sentence = (
        f"By score its best box{half.whose(index)} {verb} number {value:,} of the {total:,} on {name} that passed, "
        f"and {limit:,} of each level go on."
    )
    return Deciding(index, value, limit, limit - value, "rank", sentence)


def _ranks(half: Half, came: Rows) -> Rows:
    """Places of some near boxes, from 1, among all pairs of their level that passed the score limit (n,)."""
    near, limit = half.near, half.trace.settings.topk_candidates
    better = np.zeros(len(came), np.int64)
    for level in np.unique(near.level[came]):
        here, scores = near.level[came] == level, _fate(half.trace).sorted_above[level]
        better[here] = len(scores) - np.searchsorted(scores, near.scores[came[here]], "right")
    # among equals torch's top-k takes any, so that places alone do not always say who was taken
    taken = near.alive[came] >= DENSE_STAGE["top_k"]
    return np.where(taken, np.minimum(better + 1, limit), np.maximum(better + 1, limit + 1))


def _class_score(half: Half, came: Rows, left: Rows) -> Deciding:
    return read_score(half, came, left, half.trace.settings.box_score_thresh)


_ANCHORS: dict[str, Callable[[Half, Rows, Rows], Deciding]] = {
    "box_regression": lambda half, _, left: read_placement(half, left, np.arange(len(half.near.rows)), "anchors"),
    "class_score": _class_score,
    "top_k": _top_k,
}


# -- pairs --------------------------------------------------------------------------------------------------------------


def _pair_half(question: Question) -> Half:
    trace, side = question.trace, question.trace.head_side
    pairs = _fate(trace)
    labels, anchors = as_numpy(pairs.groups), as_numpy(pairs.rows)
    rows, iou = alike_rows(side, question)
    near = Near(
        rows=rows,
        boxes_net=side.boxes(rows),
        iou=_as_put_out(question, rows, iou, trace.detection_rows),
        alive=side.alive[rows],
        scores=side.scores[rows],
        level=level_of(trace, anchors[rows]),
        counts=question.is_asked(labels[rows]) if question.label is not None else _farthest(side.alive[rows], anchors[rows]),
        limit=question.iou,
        order=DENSE_STAGES,
    )
    return Half(question, side, near, "detection", "score", lambda some: anchors[some], lambda some: labels[some])


def _farthest(alive: NDArray[np.int8], anchors: Rows) -> NDArray[np.bool_]:
    """Of the pairs of each anchor the one that came farthest: so that an anchor counts once, as before the top-k."""
    order = np.lexsort((-alive, anchors))
    first = np.ones(len(order), np.bool_)
    first[1:] = anchors[order[1:]] != anchors[order[:-1]]
    out = np.zeros(len(order), np.bool_)
    out[order[first]] = True
    return out


_PAIRS: dict[str, Callable[[Half, Rows, Rows], Deciding]] = {
    "nms": lambda half, came, left: read_nms(half, came, left, half.trace.settings.box_nms_thresh),
    "cap": lambda half, came, left: read_cap(half, came, left, half.trace.settings.box_detections_per_img, "of all classes"),
}


# -- drawing ------------------------------------------------------------------------------------------------------------


def near(question: Question, stage: str, floor: float, limit: int) -> NearBoxes:
    """The boxes near an object that came to a stage; at "resize" and "anchors" the anchors as they were laid."""
    behind = DENSE_STAGE[stage] > DENSE_STAGE["top_k"]
    return drawn(_pair_half(question) if behind else _Anchors(question).half, stage, floor, limit)


ONE_STAGE = Reader(read, near, brief)
