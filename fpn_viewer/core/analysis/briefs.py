"""The life lines of all objects of a picture, each in short: what a scan writes down, without the parts that nobody reads there.

Sizes and training are worked out for all objects at once. An object that a detection matches has no killer, so that of its stages
only the last one is read; of the others that stage is measured which lost them. Every value is the one that `explain` finds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.analysis.asked import ask
from fpn_viewer.core.analysis.common_stages import matching_detection, read_detected
from fpn_viewer.core.analysis.factors import factors
from fpn_viewer.core.analysis.lifeline import READERS
from fpn_viewer.core.analysis.overlap import iou_matrix
from fpn_viewer.core.analysis.shares import shares
from fpn_viewer.core.analysis.sizes import roi_level_rows
from fpn_viewer.core.analysis.stages import Reading
from fpn_viewer.core.analysis.verdict import detected_verdict, find_killer, judge, taken
from fpn_viewer.core.structures import STAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from fpn_viewer.core.analysis.line import Stage
    from fpn_viewer.core.analysis.stages import Question
    from fpn_viewer.core.tracing.record import Watcher
    from fpn_viewer.core.tracing.trace import Trace

    Floats = NDArray[np.float64]

#: a proposal that overlaps an object by less above the limit may lie under it in the next rounding
_SURELY = 1e-5


@dataclass(frozen=True)
class Brief:
    """A life line in short.

    Attributes:
        killer: the stage that lost it; None when it was detected.
        outcome: a key of `line.OUTCOMES`.
        net: (h, w) net px.
        cells: the longer side in cells of `level`.
        level: the level that it is read from; the finest one where there is no RoI pooling.
        anchor_iou: highest IoU of any anchor with it; None where training does not match anchors by overlap.
        positives: anchors that training assigns to it; None as above.
        verdict: one sentence.
    """

    killer: Stage | None
    outcome: str
    net: tuple[float, float]
    cells: float
    level: str
    anchor_iou: float | None
    positives: int | None
    verdict: str


@dataclass(frozen=True)
class _Told:
    """What became of one object: killer, outcome and verdict of a `Brief`."""

    killer: Stage | None
    outcome: str
    verdict: str


def briefs(
    trace: Trace, boxes_img: ArrayLike, labels: Sequence[int | None], *, iou: float = 0.5, watcher: Watcher | None = None
) -> tuple[Brief | None, ...]:
    """What `explain` says of every object next to all others of its picture.

    Args:
        trace: of any family.
        boxes_img: (G, 4) the picture's objects, xyxy image px; they may reach over its edge.
        labels: class of each; None for one that is not asked about, which takes part in training only.
        iou: overlap from which a box counts as near.
        watcher: may stop between two objects.

    Returns:
        One for each object; None for one without a label.

    Raises:
        QuestionError: a box, a class or the overlap cannot be asked about.
    """
    boxes = np.asarray(boxes_img, np.float64).reshape(-1, 4)
    questions = [None if label is None else ask(trace, box, label, iou) for box, label in zip(boxes.tolist(), labels, strict=True)]
    told = _tell(trace, boxes, questions, iou, watcher)
    corners = trace.geometry.to_net(boxes)
    nets = np.stack([corners[:, 3] - corners[:, 1], corners[:, 2] - corners[:, 0]], 1)
    levels = roi_level_rows(trace, nets)
    cells = (nets / np.array([level.stride for level in trace.levels])[levels]).max(1)
    trained = shares(trace, boxes)
    best, own = ([None] * len(boxes),) * 2 if trained is None else (trained.best.tolist(), trained.positives.tolist())
    columns = zip(told, nets.tolist(), cells.tolist(), levels.tolist(), best, own, strict=True)
    return tuple(
        None if one is None else Brief(one.killer, one.outcome, (h, w), size, trace.levels[level].name, reach, count, one.verdict)
        for one, (h, w), size, level, reach, count in columns
    )


def _tell(
    trace: Trace, boxes: Floats, questions: Sequence[Question | None], iou: float, watcher: Watcher | None
) -> list[_Told | None]:
    proposed = _proposed(trace, boxes, iou)
    out: list[_Told | None] = []
    for row, question in enumerate(questions):
        if watcher is not None:
            watcher.check()
        others = np.delete(boxes, row, 0)
        out.append(None if question is None else _told(question, others, bool(proposed[row])))
    return out


def _proposed(trace: Trace, boxes: Floats, iou: float) -> NDArray[np.bool_]:
    """Which objects no stage before the head has lost for sure (G,)."""
    if not READERS[trace.spec.kind.name].revives:
        return np.ones(len(boxes), np.bool_)
    side = trace.rpn_side
    last = np.flatnonzero(side.alive >= STAGE["rpn_cap"])
    overlaps = iou_matrix(trace.geometry.to_net(boxes), side.boxes(last))
    return np.asarray((overlaps >= iou + _SURELY).any(1))


def _told(question: Question, others: Floats, proposed: bool) -> _Told:
    detection = matching_detection(question)
    if detection is not None and proposed:
        # every stage before the last has survivors, and nothing is said of those
        reading = Reading((read_detected(question),))
        return _Told(None, "detected", detected_verdict(question, reading, taken(question, detection, others)))
    diverged = question.trace.follows
    start = None if diverged is None else diverged.stage
    reading = READERS[question.trace.spec.kind.name].brief(
        question, lambda counted: find_killer(counted, start) if detection is None else None
    )
    judged = judge(question, reading, factors(question) if detection is None else (), others)
    killer = next((stage for stage in judged.stages if stage.name == judged.killer), None)
    return _Told(killer, judged.outcome, judged.verdict)
