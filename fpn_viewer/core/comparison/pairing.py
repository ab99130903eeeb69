"""Which detection of A and which of B are about the same thing, by overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.analysis.overlap import iou_matrix
from fpn_viewer.core.annotations.labels import classes_of, match_labels
from fpn_viewer.core.comparison.values import DetectionPair

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fpn_viewer.core.comparison.sides import Side
    from fpn_viewer.core.detectors.spec import DetectorSpec
    from fpn_viewer.core.structures import Detections

    Flags = NDArray[np.bool_]

#: overlap from which two boxes may be about the same thing, and from which they are at the same place
ABOUT_THE_SAME, SAME_PLACE = 0.5, 0.9
#: scores that differ by no more are the same
SAME_SCORE = 0.05


def pair_detections(a: Side, b: Side) -> tuple[DetectionPair, ...]:
    """Every detection of both once: pairs in the order of A's, then those of B only.

    Of all boxes of one class the two that overlap most go together first; what is left over goes together across classes.
    Classes are those of one name (`core.annotations.labels`).
    """
    first, second = a.detections, b.detections
    overlap = _overlap(first.boxes_img, second.boxes_img)
    same_class = _same_class(first, second, labels_between(a.spec, b.spec))
    partner = _partners(overlap, same_class, first, second)
    rows = [_pair(row, int(other), overlap, same_class, first, second) for row, other in enumerate(partner)]
    left = np.setdiff1d(np.arange(len(second)), partner)
    return (*rows, *(DetectionPair("only B", None, int(row), 0.0, None, float(second.scores[row])) for row in left))


def _overlap(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    """IoU (N, M); 1 of equal boxes, also of those without area, which a detector may give."""
    return np.where((a[:, None] == b).all(-1), 1.0, iou_matrix(a, b))


def labels_between(a: DetectorSpec, b: DetectorSpec) -> Mapping[int, int | None]:
    """B's label for each label of A, by the class's name; None where B has no such class.

    Where both have one list, a label is itself, also one whose name stands for no class or twice.
    """
    if a.class_names == b.class_names:
        return {label: label for label in range(len(a.class_names))}
    names = classes_of(a.class_names)
    found = match_labels(names.values(), b.class_names).labels
    return {label: found[name] for label, name in names.items()}


def _same_class(a: Detections, b: Detections, labels: Mapping[int, int | None]) -> Flags:
    """(N, M) whether the classes have one name."""
    known = [labels.get(label) for label in a.labels.tolist()]
    wanted = np.array([-1 if label is None else label for label in known], np.int64)
    same: Flags = wanted[:, None] == b.labels
    return same


def _partners(overlap: NDArray[np.float64], same_class: Flags, a: Detections, b: Detections) -> NDArray[np.int64]:
    """For every detection of A the one of B, or -1; pairs of one class first, best overlap first, then nearest score."""
    rows, columns = np.nonzero(overlap >= ABOUT_THE_SAME)
    apart = np.abs(a.scores[rows] - b.scores[columns])
    order = np.lexsort((columns, rows, apart, -overlap[rows, columns], ~same_class[rows, columns]))
    partner, free = np.full(len(a), -1), np.ones(len(b), np.bool_)
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if partner[row] < 0 and free[column]:
            partner[row], free[column] = column, False
    return partner


def _pair(row: int, other: int, overlap: NDArray[np.float64], same_class: Flags, a: Detections, b: Detections) -> DetectionPair:
    score = float(a.scores[row])
    if other < 0:
        return DetectionPair("only A", row, None, 0.0, score, None)
    iou, score_b = float(overlap[row, other]), float(b.scores[other])
    kind = _kind(bool(same_class[row, other]), iou, abs(score_b - score))
    return DetectionPair(kind, row, other, iou, score, score_b)


def _kind(same_class: bool, iou: float, apart: float) -> str:
    if not same_class:
        return "relabelled"
    if iou < SAME_PLACE:
        return "moved"
    return "same" if apart <= SAME_SCORE else "rescored"
