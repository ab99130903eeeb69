"""The stages that every family has: what went in (resize, anchors), what came out (detected), and boxes to draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.analysis.line import NearBoxes, Stage
from fpn_viewer.core.analysis.near import alike_rows, box_img, by_level, cells_of, level_of
from fpn_viewer.core.analysis.readers import count
from fpn_viewer.core.numbers import significant

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpn_viewer.core.analysis.readers import Half
    from fpn_viewer.core.analysis.stages import Question
    from fpn_viewer.core.geometry import Box
    from fpn_viewer.core.tracing.trace import Trace


def read_input(question: Question) -> list[Stage]:
    """ "resize" and "anchors": how large the object arrives, and how well anchors cover it. They never kill."""
    trace = question.trace
    rows, iou = alike_rows(trace.anchor_columns, question)
    near = rows[iou >= question.iou]
    best = float(iou.max(initial=0.0))
    closest = box_img(trace, trace.anchor_columns.boxes(rows[[iou.argmax()]])[0]) if len(rows) else None
    levels = by_level(trace, level_of(trace, near))
    x1, y1, x2, y2 = question.box_net
    anchors = Stage(
        name="anchors",
        state="info",
        survivors=len(near),
        best_iou=best,
        value=best,
        limit=None,
        margin=None,
        unit="IoU",
        sentence=_anchor_sentence(trace, rows, iou, len(near), question.iou),
        box_img=closest,
        by_level=levels,
    )
    resize = Stage(
        name="resize",
        state="info",
        survivors=len(near),
        best_iou=best,
        value=float(min(x2 - x1, y2 - y1)),
        limit=None,
        margin=None,
        unit="px",
        sentence=_resize_sentence(question),
        box_img=question.box_img,
        by_level=levels,
    )
    return [resize, anchors]


def _resize_sentence(question: Question) -> str:
    (x1, y1, x2, y2), net, (ky, kx) = question.box_img, question.box_net, question.trace.geometry.scale
    scale = f"×{significant(ky)}" if significant(ky) == significant(kx) else f"×{significant(kx)} across, ×{significant(ky)} down"
    before = f"{significant(x2 - x1)}×{significant(y2 - y1)}"
    after = f"{significant(float(net[2] - net[0]))}×{significant(float(net[3] - net[1]))}"
    return f"It is {before} px in the picture and {after} px in the network ({scale})."


def _anchor_sentence(trace: Trace, rows: NDArray[np.int64], iou: NDArray[np.float64], near: int, limit: float) -> str:
    if not len(rows):
        return "No anchor touches it."
    level = trace.levels[int(level_of(trace, rows[[iou.argmax()]])[0])].name
    best = significant(float(iou.max()))
    return f"The best anchor, on {level}, overlaps it by IoU {best}; {count(near, 'anchor')} by {limit:g} or more."


def read_detected(question: Question) -> Stage:
    """ "detected": the model's own output, whatever the replay says."""
    found, limit = question.trace.detections, question.iou
    iou, asked = question.detected_iou, np.flatnonzero(question.detected_asked)
    near = asked[iou[asked] >= limit]
    best = _best(iou, asked, near, found.scores)
    value = None if best is None else float(iou[best])
    box: Box | None = None if best is None else tuple(float(v) for v in found.boxes_img[best])  # type: ignore[assignment]
    return Stage(
        name="detected",
        state="passed",
        survivors=len(near),
        best_iou=float(iou[asked].max(initial=0.0)),
        value=value,
        limit=limit,
        margin=None if value is None else value - limit,
        unit="IoU",
        sentence=_detected_sentence(question, value, len(near), None if best is None else float(found.scores[best])),
        box_img=box,
        by_level=by_level(question.trace, level_of(question.trace, found.candidate[near].astype(np.int64))),
    )


def _best(iou: NDArray[np.float64], asked: NDArray[np.int64], near: NDArray[np.int64], scores: NDArray[np.float32]) -> int | None:
    """The detection that speaks for the object: the best scored of those near it, else the one that overlaps it most."""
    if len(near):
        return int(near[scores[near].argmax()])
    return int(asked[iou[asked].argmax()]) if iou[asked].any() else None


def matching_detection(question: Question) -> int | None:
    """Row of the best scored detection that counts for the object; None without one."""
    near = np.flatnonzero(question.detected_asked & (question.detected_iou >= question.iou))
    return int(near[question.trace.detections.scores[near].argmax()]) if len(near) else None


def _detected_sentence(question: Question, iou: float | None, near: int, score: float | None) -> str:
    what = f"detection of {question.label_name}" if question.label_name else "detection"
    if iou is None or score is None:
        return f"No {what} touches it."
    if not near:
        return f"The {what} nearest to it overlaps it by IoU {significant(iou)}, and {question.iou:g} is needed."
    return f"A {what} with score {significant(score)} overlaps it by IoU {significant(iou)}."


def drawn(half: Half, stage: str, floor: float, limit: int, any_class: bool = False) -> NearBoxes:
    """The near boxes that came to a stage.

    Args:
        half: the selection that the stage belongs to.
        stage: its name; at "resize" and "anchors" the anchors are given as they were laid.
        floor: least overlap.
        limit: how many at most; the best overlaps are given.
        any_class: boxes of other classes are given as well.
    """
    near, trace = half.near, half.trace
    if stage in ("resize", "anchors"):
        return _anchors(half.question, floor, limit)
    index = np.flatnonzero((near.iou >= floor) & near.came_to(stage) & (near.counts | any_class))
    index = index[np.argsort(-near.iou[index], kind="stable")][:limit]
    rows = near.rows[index]
    anchors = half.anchors(rows)
    return NearBoxes(
        boxes_img=trace.geometry.to_img(near.boxes_net[index]).astype(np.float32),
        iou=near.iou[index].astype(np.float32),
        alive=near.passed(stage)[index],
        level=level_of(trace, anchors).astype(np.int16),
        cell=cells_of(trace, anchors),
        score=near.scores[index],
        label=np.zeros(len(rows), np.int32) if half.labels is None else half.labels(rows).astype(np.int32),
    )


def _anchors(question: Question, floor: float, limit: int) -> NearBoxes:
    trace = question.trace
    rows, iou = alike_rows(trace.anchor_columns, question)
    index = np.flatnonzero(iou >= floor)
    index = index[np.argsort(-iou[index], kind="stable")][:limit]
    rows, iou = rows[index], iou[index]
    return NearBoxes(
        boxes_img=trace.geometry.to_img(trace.anchor_columns.boxes(rows)).astype(np.float32),
        iou=iou.astype(np.float32),
        alive=iou >= question.iou,
        level=level_of(trace, rows).astype(np.int16),
        cell=cells_of(trace, rows),
        score=trace.anchor_scores(rows),
        label=np.zeros(len(rows), np.int32),
    )
