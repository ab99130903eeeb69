"""Readers of the single stages, shared by the families: which candidate came closest, and how close, in numbers and words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.analysis.line import Stage, Suppressor
from fpn_viewer.core.analysis.near import Deciding, box_img, by_level, cells_of, level_of, sides_of
from fpn_viewer.core.analysis.overlap import iou_with
from fpn_viewer.core.numbers import significant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fpn_viewer.core.analysis.near import Near
    from fpn_viewer.core.analysis.stages import Question
    from fpn_viewer.core.tracing.sides import Side
    from fpn_viewer.core.tracing.trace import Trace

NOBODY = Deciding(None, None, None, None, "", "None of its boxes came this far.")


@dataclass(frozen=True, eq=False)
class Half:
    """One selection of a detector, seen from one object.

    Attributes:
        question: the object.
        side: the selection.
        near: its boxes near the object.
        box: what a box of it is called: "proposal", "detection".
        score: what its score is called: "objectness", "score".
        anchors: from rows of the selection (n,) to rows of the anchors behind them (n,), -1 when unknown.
        labels: from rows of the selection (n,) to classes (n,); None where boxes have no class yet.
    """

    question: Question
    side: Side
    near: Near
    box: str
    score: str
    anchors: Callable[[NDArray[np.int64]], NDArray[np.int64]]
    labels: Callable[[NDArray[np.int64]], NDArray[np.int64]] | None = None

    @property
    def trace(self) -> Trace:
        """The trace it belongs to."""
        return self.question.trace

    def whose(self, index: int) -> str:
        """ " (car)" where any class counts and the box has one, else ""."""
        if self.labels is None or self.question.label is not None:
            return ""
        return f" ({class_name(self.trace, int(self.labels(self.near.rows[[index]])[0]))})"


def class_name(trace: Trace, label: int) -> str:
    """Name of a class; "class 7" for one without."""
    names = trace.spec.class_names
    return names[label] if 0 <= label < len(names) else f"class {label}"


@dataclass(frozen=True, eq=False)
class Step:
    """One stage of an object's life line that can be measured, or only counted.

    Attributes:
        half: the selection it belongs to.
        name: of the stage.
        read: from the half, and indices of the near boxes that came and of those that survived, to the deciding one.
        any_class: boxes of other classes count as well.
        without: the reader is asked also where no near box came.
    """

    half: Half
    name: str
    read: Callable[..., Deciding]
    any_class: bool = False
    without: bool = False

    def counted(self) -> Stage:
        """How many boxes survived, and nothing else."""
        _, left = self.half.near.at(self.name, self.any_class)
        return Stage(self.name, "passed", len(left), 0.0, None, None, None, "", "")

    def measured(self) -> Stage:
        """All of the stage."""
        half, name, near, trace = self.half, self.name, self.half.near, self.half.trace
        came, left = near.at(name, self.any_class)
        decided = self.read(half, came, left) if len(came) or self.without else NOBODY
        pool = left if len(left) else came
        if not len(pool):
            # the best overlap of whatever came says how far it is from being near
            pool = np.flatnonzero(near.came_to(name) & (near.counts | self.any_class))
        return Stage(
            name=name,
            state="passed",
            survivors=len(left),
            best_iou=float(near.iou[pool].max(initial=0.0)),
            value=decided.value,
            limit=decided.limit,
            margin=decided.margin,
            unit=decided.unit,
            sentence=decided.sentence,
            box_img=None if decided.index is None else box_img(trace, near.boxes_net[decided.index]),
            by_level=by_level(trace, near.level[left]) if len(left) else {},
        )


def measured_at(counted: Sequence[Stage], steps: Sequence[Step], name: str | None) -> tuple[Stage, ...]:
    """Stages, in the order of the steps, with the one of that name measured; more may follow them."""
    found = {step.name: step for step in steps if step.name == name}
    return tuple(found[stage.name].measured() if stage.name in found else stage for stage in counted)


def read_placement(half: Half, left: NDArray[np.int64], pool: NDArray[np.int64], moved: str) -> Deciding:
    """How well boxes lie on the object after a regression.

    Args:
        half: the selection.
        left: the near ones.
        pool: all that count.
        moved: what was regressed, in the plural: "anchors".
    """
    limit = half.question.iou
    if not len(pool):
        return Deciding(None, 0.0, limit, -limit, "IoU", f"Not one of the {moved} touches it after regression.")
    index = int(pool[half.near.iou[pool].argmax()])
    value = float(half.near.iou[index])
    if len(left):
        verb = "overlaps" if len(left) == 1 else "overlap"
        sentence = f"{count(len(left), 'box')} {verb} it by IoU {limit:g} or more, the best by {significant(value)}."
    else:
        sentence = (
            f"None of the {moved} was moved onto it: the best overlaps it by IoU {significant(value)}, and {limit:g} is needed."
        )
    return Deciding(index, value, limit, value - limit, "IoU", sentence)


def read_size(half: Half, came: NDArray[np.int64], left: NDArray[np.int64], limit: float) -> Deciding:
    """The smaller side of the largest box against the smallest that is kept."""
    sides = sides_of(half.side, half.near.rows[came])
    value = float(sides.max())
    words = "kept" if len(left) else "too small: all are removed"
    sentence = f"The smaller side of its largest box is {significant(value)} net px, where {limit:g} is the least: {words}."
    return Deciding(int(came[sides.argmax()]), value, limit, value - limit, "px", sentence)


def read_score(half: Half, came: NDArray[np.int64], left: NDArray[np.int64], limit: float) -> Deciding:
    """The best score against the limit."""
    index = int(came[half.near.scores[came].argmax()])
    value = float(half.near.scores[index])
    verb = "passes" if len(left) else "does not reach"
    sentence = f"The best {half.score} of its boxes, {significant(value)}{half.whose(index)}, {verb} the limit of {limit:g}."
    return Deciding(index, value, limit, value - limit, "score", sentence)


def read_nms(half: Half, came: NDArray[np.int64], left: NDArray[np.int64], limit: float) -> Deciding:
    """Where all were removed, the one that overlaps its suppressor least; else the best survivor and its strongest neighbour."""
    if len(left):
        return _spared(half, left, limit)
    index, winner, value = closest_victim(half, came)
    theirs, own = significant(float(half.side.scores[winner])), significant(float(half.near.scores[index]))
    sentence = (
        f"A stronger {half.box} ({half.score} {theirs} against {own}) overlaps its box by IoU {significant(value)}, "
        f"and above {limit:g} the weaker one goes."
    )
    # batched_nms shifts boxes by group before it compares, so an IoU on the limit may round to its other side here
    return Deciding(index, value, limit, min(limit - value, -0.0), "IoU", sentence)


def _spared(half: Half, left: NDArray[np.int64], limit: float) -> Deciding:
    index = int(left[half.near.scores[left].argmax()])
    row = half.near.rows[[index]]
    rivals = half.side.compared.boxes(half.side.stronger(int(row[0])))
    value = float(iou_with(rivals, half.side.compared.boxes(row)[0]).max(initial=0.0))
    neighbour = (
        f"the most by which a stronger {half.box} overlaps it is IoU {significant(value)}" if value else "none stronger overlaps it"
    )
    sentence = f"Its best box was not suppressed: {neighbour}, and {limit:g} is allowed."
    return Deciding(index, value, limit, max(limit - value, 0.0), "IoU", sentence)


def closest_victim(half: Half, came: NDArray[np.int64]) -> tuple[int, int, float]:
    """Of boxes that NMS removed, the one that overlaps its suppressor least: its index, the suppressor's row, their IoU."""
    winners = half.side.suppressors(half.near.rows[came])
    iou = iou_with(half.side.compared.boxes(half.near.rows[came]), half.side.compared.boxes(winners))
    least = int(iou.argmin())
    return int(came[least]), int(winners[least]), float(iou[least])


def suppressor(half: Half, stage: str) -> Suppressor | None:
    """The box that removed the closest candidate at a stage; None when some survived it or none came."""
    came, left = half.near.at(stage)
    if len(left) or not len(came):
        return None
    _, winner, iou = closest_victim(half, came)
    row = np.array([winner])
    box, anchor = half.side.boxes(row)[0], half.anchors(row)
    level = int(level_of(half.trace, anchor)[0])
    cell = cells_of(half.trace, anchor)[0]
    return Suppressor(
        stage=stage,
        box_img=box_img(half.trace, box),
        score=float(half.side.scores[winner]),
        label=None if half.labels is None else int(half.labels(row)[0]),
        iou=iou,
        iou_object=float(iou_with(box, half.question.box_net)[0]),
        level=half.trace.levels[level].name if level >= 0 else "",
        cell=(int(cell[0]), int(cell[1])) if level >= 0 else None,
    )


def read_cap(half: Half, came: NDArray[np.int64], left: NDArray[np.int64], limit: int, among: str) -> Deciding:
    """The place of the best box in the list that is cut, and the score at the cut.

    Args:
        half: the selection.
        came: near boxes that NMS kept.
        left: those that went on.
        limit: how many go on.
        among: over what the list goes: "of all levels".
    """
    places = half.side.place[half.near.rows[came]]
    index, value = int(came[places.argmin()]), int(places.min())
    score = significant(float(half.near.scores[index]))
    if len(left):
        sentence = f"Its best box is number {value:,} {among}, and {limit:,} go on ({half.score} {score})."
    else:
        cut = significant(float(half.side.scores[half.side.winners[limit - 1]]))
        sentence = (
            f"Its best box is only number {value:,} {among}, and {limit:,} go on: its {half.score} is {score}, "
            f"and that of the last one to go on is {cut}."
        )
    return Deciding(index, value, limit, limit - value, "rank", sentence)


def count(number: int, noun: str) -> str:
    """ "1 box", "1,200 boxes"."""
    plural = f"{noun}es" if noun.endswith("x") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"
