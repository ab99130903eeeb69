"""The life line of an object in Faster R-CNN: RPN, then box head; every stage of `structures.STAGES`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.analysis.common_stages import drawn, read_detected, read_input
from fpn_viewer.core.analysis.near import Deciding, Near, alike_rows, level_of
from fpn_viewer.core.analysis.overlap import iou_with
from fpn_viewer.core.analysis.readers import (
    NOBODY,
    Half,
    Step,
    class_name,
    measured_at,
    read_cap,
    read_nms,
    read_placement,
    read_score,
    read_size,
    suppressor,
)
from fpn_viewer.core.analysis.stages import Reader, Reading
from fpn_viewer.core.numbers import significant
from fpn_viewer.core.structures import STAGE, STAGES
from fpn_viewer.core.tracing.replay import HEAD_MIN_SIZE, RPN_MIN_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fpn_viewer.core.analysis.line import NearBoxes
    from fpn_viewer.core.analysis.stages import Question
    from fpn_viewer.core.tracing.trace import Trace

    Rows = NDArray[np.int64]

_HEAD_FROM = "box_regression"
#: stages that have something to say also where nothing near came to them
_ALWAYS = ("rpn_regression", "box_regression", "class_score")


def read(question: Question) -> Reading:
    """Every stage of a two-stage detector, measured."""
    rpn, head = _rpn_half(question), _head_half(question)
    stages = (*read_input(question), *(step.measured() for step in _steps(rpn, head)), read_detected(question))
    removed = {"rpn_nms": suppressor(rpn, "rpn_nms"), "nms": suppressor(head, "nms")}
    return Reading(
        stages,
        {name: box for name, box in removed.items() if box is not None},
        revives=_HEAD_FROM,
        rival_class=_rival_class(head),
        strayed=_strayed(head),
    )


def brief(question: Question, choose: Callable[[Reading], str | None]) -> Reading:
    """The stages counted, and the chosen one measured."""
    rpn, head = _rpn_half(question), _head_half(question)
    steps = _steps(rpn, head)
    counted = Reading((*(step.counted() for step in steps), read_detected(question)), revives=_HEAD_FROM)
    killer = choose(counted)
    removed = suppressor(rpn if killer == "rpn_nms" else head, killer) if killer in ("rpn_nms", "nms") else None
    return replace(
        counted,
        stages=measured_at(counted.stages, steps, killer),
        suppressors={} if removed is None else {removed.stage: removed},
        rival_class=_rival_class(head) if killer == "class_score" else None,
        strayed=_strayed(head) if killer == "class_score" else None,
    )


def _steps(rpn: Half, head: Half) -> list[Step]:
    """What can lose an object, in order."""
    before = [Step(rpn, name, reader, without=name in _ALWAYS) for name, reader in _RPN.items()]
    return before + [Step(head, name, reader, name == _HEAD_FROM, name in _ALWAYS) for name, reader in _HEAD.items()]


# -- the RPN ------------------------------------------------------------------------------------------------------------


def _rpn_half(question: Question) -> Half:
    side = question.trace.rpn_side
    rows, iou = alike_rows(side, question)
    near = Near(
        rows=rows,
        boxes_net=side.boxes(rows),
        iou=iou,
        alive=side.alive[rows],
        scores=side.scores[rows],
        level=level_of(question.trace, rows),
        counts=np.ones(len(rows), np.bool_),
        limit=question.iou,
        order=STAGES,
    )
    return Half(question, side, near, "proposal", "objectness", lambda anchors: anchors)


def _rpn_regression(half: Half, _: Rows, left: Rows) -> Deciding:
    return read_placement(half, left, np.arange(len(half.near.rows)), "anchors")


def _rpn_top_k(half: Half, came: Rows, left: Rows) -> Deciding:
    """The best rank that a near box has within its level."""
    limit = half.trace.settings.rpn_pre_nms_top_n
    index, value, level = min((_best_of_level(half, came, level) for level in np.unique(half.near.level[came])), key=lambda r: r[1])
    name, total = half.trace.levels[level].name, half.trace.raw.counts[level]
    verb = "is" if len(left) else "is only"
    sentence = f"By objectness its best box {verb} number {value:,} of {total:,} on {name}, and {limit:,} of each level go on."
    return Deciding(index, value, limit, limit - value, "rank", sentence)


def _best_of_level(half: Half, came: Rows, level: int) -> tuple[int, int, int]:
    """(index, rank from 1, level) of the most objectlike of some boxes of a level."""
    trace, near = half.trace, half.near
    here = came[near.level[came] == level]
    logits = trace.objectness(trace.levels[level].name)
    # row i of a level is the i-th in the order row, column, shape
    start, shapes = sum(trace.raw.counts[:level]), logits.shape[0]
    cells, shape = np.divmod(near.rows[here] - start, shapes)
    values = logits.reshape(shapes, -1).cpu().numpy()
    own = values[shape, cells]
    best = int(own.argmax())
    # among equals torch's top-k takes any: one that was taken stands in front of them, one that was not behind them
    taken = near.alive[here[best]] >= STAGE["rpn_top_k"]
    rank = np.count_nonzero(values > own[best]) + 1 if taken else np.count_nonzero(values >= own[best])
    return int(here[best]), int(rank), int(level)


def _rpn_score(half: Half, came: Rows, left: Rows) -> Deciding:
    return read_score(half, came, left, half.trace.settings.rpn_score_thresh)


def _rpn_cap(half: Half, came: Rows, left: Rows) -> Deciding:
    return read_cap(half, came, left, half.trace.settings.rpn_post_nms_top_n, "of all levels")


_RPN: dict[str, Callable[[Half, Rows, Rows], Deciding]] = {
    "rpn_regression": _rpn_regression,
    "rpn_top_k": _rpn_top_k,
    "rpn_min_size": lambda half, came, left: read_size(half, came, left, RPN_MIN_SIZE),
    "rpn_score": _rpn_score,
    "rpn_nms": lambda half, came, left: read_nms(half, came, left, half.trace.settings.rpn_nms_thresh),
    "rpn_cap": _rpn_cap,
}


# -- the box head -------------------------------------------------------------------------------------------------------


def _head_half(question: Question) -> Half:
    trace, side = question.trace, question.trace.head_side
    rows, iou = alike_rows(side, question)
    near = Near(
        rows=rows,
        boxes_net=side.boxes(rows),
        iou=_as_put_out(question, rows, iou),
        alive=side.alive[rows],
        scores=side.scores[rows],
        level=level_of(trace, _anchors(trace, rows)),
        counts=question.is_asked(_labels(trace, rows)),
        limit=question.iou,
        order=STAGES,
    )
    return Half(question, side, near, "detection", "score", lambda some: _anchors(trace, some), lambda some: _labels(trace, some))


def _as_put_out(question: Question, rows: Rows, iou: NDArray[np.float64]) -> NDArray[np.float64]:
    """For boxes that became detections the IoU of the model's output, so that both agree at the limit."""
    if not len(rows):
        return iou
    out, found = iou.copy(), question.trace.detection_rows
    here = np.minimum(np.searchsorted(rows, found), len(rows) - 1)
    known = rows[here] == found
    out[here[known]] = question.detected_iou[known]
    return out


def _anchors(trace: Trace, rows: Rows) -> Rows:
    return trace.proposals.candidate[rows // trace.classes].astype(np.int64) if len(rows) else rows


def _labels(trace: Trace, rows: Rows) -> Rows:
    return rows % trace.classes + 1


def _box_regression(half: Half, _: Rows, left: Rows) -> Deciding:
    return read_placement(half, left, np.arange(len(half.near.rows)), "proposals")


def _class_score(half: Half, came: Rows, left: Rows) -> Deciding:
    limit = half.trace.settings.box_score_thresh
    if not len(came):
        if not len(half.near.close):
            return NOBODY
        return replace(NOBODY, sentence=f"Only boxes of other classes than {half.question.label_name} lie near it.")
    index = int(came[half.near.scores[came].argmax()])
    value = float(half.near.scores[index])
    name = half.question.label_name or class_name(half.trace, int(_labels(half.trace, half.near.rows[[index]])[0]))
    verb = "passes" if len(left) else "does not pass"
    sentence = f"The best score of its boxes for {name}, {significant(value)}, {verb} {limit:g}."
    return Deciding(index, value, limit, value - limit, "score", sentence)


_HEAD: dict[str, Callable[[Half, Rows, Rows], Deciding]] = {
    "box_regression": _box_regression,
    "class_score": _class_score,
    "min_size": lambda half, came, left: read_size(half, came, left, HEAD_MIN_SIZE),
    "nms": lambda half, came, left: read_nms(half, came, left, half.trace.settings.box_nms_thresh),
    "cap": lambda half, came, left: read_cap(half, came, left, half.trace.settings.box_detections_per_img, "of all classes"),
}


def _rival_class(half: Half) -> tuple[int, float] | None:
    """The best other class over the score limit on a near box."""
    near = half.near
    _, passed = near.at("class_score", any_class=True)
    others = passed[~near.counts[passed]]
    if not len(others):
        return None
    best = others[near.scores[others].argmax()]
    return int(_labels(half.trace, near.rows[[best]])[0]), float(near.scores[best])


def _strayed(half: Half) -> float | None:
    """Where only boxes of other classes lie near, though its own class passed on the same proposals: how near its own box came."""
    near, label = half.near, half.question.label
    came, _ = near.at(_HEAD_FROM, any_class=True)
    if label is None or not len(came) or near.counts[came].any():
        return None
    classes = half.trace.classes
    own = np.unique(near.rows[came] // classes) * classes + label - 1
    own = own[half.side.alive[own] >= STAGE["class_score"]]
    return float(iou_with(half.side.boxes(own), half.question.box_net).max()) if len(own) else None


# -- drawing ------------------------------------------------------------------------------------------------------------


def near(question: Question, stage: str, floor: float, limit: int) -> NearBoxes:
    """The boxes near an object that came to a stage; at "resize" and "anchors" the anchors as they were laid."""
    head = STAGE[stage] >= STAGE[_HEAD_FROM]
    half = _head_half(question) if head else _rpn_half(question)
    return drawn(half, stage, floor, limit, any_class=stage == _HEAD_FROM)


TWO_STAGE = Reader(read, near, brief, revives=_HEAD_FROM)
