"""The life line of an object in one tile of a picture, in px of the whole picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fpn_viewer.core.analysis.lifeline import explain
from fpn_viewer.core.analysis.line import Suppressor
from fpn_viewer.core.analysis.overlap import iou_with
from fpn_viewer.core.analysis.verdict import MECHANISM_OF, OUTCOME_OF
from fpn_viewer.core.numbers import significant

if TYPE_CHECKING:
    from fpn_viewer.core.analysis.line import LifeLine, Stage
    from fpn_viewer.core.geometry import Box
    from fpn_viewer.core.structures import Detections
    from fpn_viewer.core.tracing.trace import Trace

#: the stage at which one tile's detections remove another's, as within a tile
MERGED_AT = "nms"


@dataclass(frozen=True)
class Neighbour:
    """A tile among the others.

    Attributes:
        number: of the tile, from 0.
        total: how many there are.
        box_img: xyxy image px of the whole picture.
        detections: of all tiles put together.
        counting: the one of them that counts for the object, or None.
    """

    number: int
    total: int
    box_img: tuple[int, int, int, int]
    detections: Detections
    counting: int | None


def explain_in_tile(trace: Trace, tile: Neighbour, box_img: Box, label: int | None, iou: float, others: Any) -> LifeLine:
    """What happened to an object in a tile, and when the tiles were put together.

    Args:
        trace: of the tile.
        tile: where it lies.
        box_img: the object, xyxy image px of the whole picture, of which a part lies in the tile.
        label: its class; None for any.
        iou: overlap from which a box counts.
        others: the picture's other objects: `GroundTruth`, or boxes (N, 4) xyxy image px.

    Raises:
        QuestionError: the box or the overlap cannot be asked about.
    """
    corner = np.array(tile.box_img[:2] * 2, np.float64)
    around = () if others is None else np.asarray(getattr(others, "boxes_img", others), np.float64).reshape(-1, 4) - corner
    line = explain(trace, (np.array(box_img) - corner).tolist(), label, iou=iou, others=around)
    own = line.detection
    line = replace(_moved(line, corner), box_img=box_img, detection=tile.counting, factors=(*line.factors, _where(tile, box_img)))
    if own is None or tile.counting is not None:
        return line
    return _removed(line, tile, trace.detections.boxes_img[own] + corner, float(trace.settings.box_nms_thresh))


def _where(tile: Neighbour, box_img: Box) -> str:
    x0, y0, x1, y1 = tile.box_img
    cut = box_img[0] < x0 or box_img[1] < y0 or box_img[2] > x1 or box_img[3] > y1
    return f"tile {tile.number + 1} of {tile.total} ({x0},{y0} to {x1},{y1})" + (", which cuts the object" if cut else "")


def _moved(line: LifeLine, by: Any) -> LifeLine:
    """A life line with all its boxes in px of the whole picture."""

    def box(of: Box) -> Box:
        x1, y1, x2, y2 = (np.asarray(of) + by).tolist()
        return x1, y1, x2, y2

    return replace(
        line,
        stages=tuple(stage if stage.box_img is None else replace(stage, box_img=box(stage.box_img)) for stage in line.stages),
        suppressor=line.suppressor and replace(line.suppressor, box_img=box(line.suppressor.box_img)),
        # its row is one of the tile's; what is known of it by itself stays
        rival=line.rival and replace(line.rival, box_img=box(line.rival.box_img), detection=-1),
        training=line.training and replace(line.training, anchor_img=box(line.training.anchor_img)),
    )


def _removed(line: LifeLine, tile: Neighbour, box: Any, limit: float) -> LifeLine:
    """The life line of what a tile found and a stronger detection of another tile removed."""
    by = _stronger(line, tile.detections, box)
    sentence = (
        f"its detection overlaps a stronger one of another tile by IoU {significant(by.iou)}, "
        f"more than box_nms_thresh {significant(limit)} allows, and went when the tiles were put together."
    )
    return replace(
        line,
        stages=_lost(line.stages, by.iou, limit, f"I{sentence[1:]}"),
        killer=MERGED_AT,
        outcome=OUTCOME_OF[MERGED_AT],
        verdict=f"Suppressed by another tile's stronger detection of its class ({MERGED_AT}): {sentence}",
        suppressor=by,
        mechanism=MECHANISM_OF[MERGED_AT],
        tide="Loc",
        ask=None,
    )


def _stronger(line: LifeLine, found: Detections, box: Any) -> Suppressor:
    """The detection that is left of those of an object's class, nearest to one that is not."""
    same = np.ones(len(found), np.bool_) if line.label is None else found.labels == line.label
    overlap = np.where(same, iou_with(found.boxes_img, box), -1.0)
    row = int(overlap.argmax())
    x1, y1, x2, y2 = (float(side) for side in found.boxes_img[row])
    near = float(iou_with(found.boxes_img[row], line.box_img)[0])
    return Suppressor(MERGED_AT, (x1, y1, x2, y2), float(found.scores[row]), int(found.labels[row]), float(overlap[row]), near)


def _lost(stages: tuple[Stage, ...], value: float, limit: float, sentence: str) -> tuple[Stage, ...]:
    """The stages of an object that was lost in the merging and not in its tile."""
    turn = [stage.name for stage in stages].index(MERGED_AT)
    gone: list[Stage] = [replace(stage, survivors=0, by_level={}) for stage in stages[turn:]]
    killer = replace(gone[0], state="killer", value=value, limit=limit, margin=limit - value, unit="IoU", sentence=sentence)
    after = (replace(stage, state="after", sentence="Nothing of it was left.") for stage in gone[1:])
    return (*stages[:turn], killer, *after)
