"""Where a detector lost an object, by how much, and to whom: the life line, from the values of a trace.

One table, `READERS`, says how each family's stages are measured; the judgement is `verdict`'s and the same for all.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fpn_viewer.core.analysis.asked import ask
from fpn_viewer.core.analysis.assignment import training
from fpn_viewer.core.analysis.factors import factors
from fpn_viewer.core.analysis.lifeline_dense import ONE_STAGE
from fpn_viewer.core.analysis.line import LifeLine
from fpn_viewer.core.analysis.sizes import object_sizes
from fpn_viewer.core.analysis.two_stage import TWO_STAGE
from fpn_viewer.core.analysis.verdict import judge
from fpn_viewer.core.detectors.families import ADAPTED
from fpn_viewer.core.errors import QuestionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fpn_viewer.core.analysis.line import NearBoxes, Remedy
    from fpn_viewer.core.analysis.stages import Reader
    from fpn_viewer.core.tracing.trace import Trace

#: how the life line of each family is read
READERS: dict[str, Reader] = {"Faster R-CNN": TWO_STAGE, **dict.fromkeys(("RetinaNet", "FCOS", "YOLO", ADAPTED), ONE_STAGE)}

#: boxes that overlap an object less are not drawn beside it
_DRAWN_FROM = 0.1


def explain(
    trace: Trace, box_img: Sequence[float], label: int | str | None = None, *, iou: float = 0.5, others: Any = None
) -> LifeLine:
    """What happened to an object at every stage, and which stage lost it.

    Args:
        trace: of any family.
        box_img: the object, xyxy image px; it may reach over the picture's edge.
        label: its class, by number or name; None when any class will do.
        iou: overlap from which a box counts as near, and a detection as a match.
        others: the picture's other objects, without this one: `GroundTruth`, or boxes (N, 4) xyxy image px. Training shares its
            anchors with them.

    Returns:
        The life line. `killer` is None exactly when one of `trace.detections` has the label and overlaps the object by `iou`.

    Raises:
        QuestionError: the box, the class or the overlap cannot be asked about.
    """
    question = ask(trace, box_img, label, iou)
    others_img, harder = _boxes(others), factors(question)
    reading = READERS[trace.spec.kind.name].read(question)
    judged = judge(question, reading, harder, others_img)
    line = LifeLine(
        box_img=question.box_img,
        label=question.label,
        label_name=question.label_name,
        iou=question.iou,
        stages=judged.stages,
        killer=judged.killer,
        outcome=judged.outcome,
        verdict=judged.verdict,
        suppressor=reading.suppressors.get(judged.killer or ""),
        rival=judged.rival,
        detection=judged.detection,
        sizes=object_sizes(trace, question.box_img),
        training=training(trace, question.box_img, others_img),
        mechanism=judged.mechanism,
        tide=judged.tide,
        factors=harder,
    )
    return replace(line, ask=partial(_remedies, trace, line, others))


def _remedies(trace: Trace, line: LifeLine, others: Any) -> tuple[Remedy, ...]:
    from fpn_viewer.core.analysis.remedies import find_remedies

    return find_remedies(trace, line, others=others)


def _boxes(others: Any) -> NDArray[np.float64]:
    """(N, 4) boxes of ground truth, of an array, or of nothing."""
    if others is None:
        return np.empty((0, 4))
    return np.asarray(getattr(others, "boxes_img", others), np.float64).reshape(-1, 4)


def candidates_at(
    trace: Trace, box_img: Sequence[float], stage: str, *, label: int | str | None = None, iou: float = 0.5, limit: int = 400
) -> NearBoxes:
    """The boxes near an object that came to a stage, for drawing.

    Args:
        trace: of any family.
        box_img: the object, xyxy image px.
        stage: one of `trace.stages`.
        label: its class, by number or name; None when any class will do.
        iou: overlap from which a box counts as near.
        limit: how many at most; the best overlaps are given.

    Raises:
        QuestionError: the box, the class or the overlap cannot be asked about, or the detector has no such stage.
    """
    question = ask(trace, box_img, label, iou)
    if stage not in trace.stages:
        raise QuestionError(f"{trace.spec.family} has no stage {stage!r}; it has {', '.join(trace.stages)}.")
    return READERS[trace.spec.kind.name].near(question, stage, min(_DRAWN_FROM, iou), limit)
