"""Which detection counts for which object, by COCO's rule at one overlap, and what became of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.geometry import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from fpn_viewer.core.annotations.structures import GroundTruth

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

#: overlap from which a detection of the right class is about the object at all (TIDE's background threshold)
ABOUT = 0.1
#: what became of an object, to one sentence
OUTCOMES: dict[str, str] = {
    "found": "a detection of its class counts for it",
    "missed": "no detection is about it",
    "badly placed": "a detection of its class lies here, overlaps it too little and counts for nothing else",
    "wrong class": "a detection of another class covers it and counts for nothing else",
    "taken": "a detection covers it and counts for another object",
    "crowd": "a region of many objects, which is never missed",
    "ignored": "marked as difficult and not found, which does not count as missed",
    "flawed": "its box is broken, so that nothing can match it",
    "unknown class": "the detector has no label for its class",
}
#: what a detection is, to one sentence
KINDS: dict[str, str] = {
    "match": "counts for an object",
    "ignored": "lies on a crowd region or a difficult object and counts neither for nor against",
    "duplicate": "covers an object of its class that another detection counts for",
    "wrong class": "covers an object of another class",
    "badly placed": "touches an object of its class and overlaps it too little",
    "background": "is about no annotated object",
}


@dataclass(frozen=True)
class Matching:
    """One picture's objects and detections, matched.

    Attributes:
        outcomes: of every object, a key of `OUTCOMES`.
        detection: for every object the detection that decides its outcome, or -1 (G,).
        iou: of that detection with the object; of the best of any class where none decides (G,).
        kinds: of every detection, a key of `KINDS`.
        matched: for every detection the object that it counts for, or -1 (D,).
    """

    outcomes: tuple[str, ...]
    detection: NDArray[np.int32]
    iou: NDArray[np.float32]
    kinds: tuple[str, ...]
    matched: NDArray[np.int32]


@dataclass(frozen=True)
class _Scene:
    """Objects and detections side by side.

    Attributes:
        overlap: (D, G).
        same: (D, G) the classes are the same.
        usable: (G,) a box that can be matched, of whatever class.
        crowd: (G,).
        ignored: (G,) does not count, crowd regions included.
        iou: overlap from which a detection counts.
    """

    overlap: Floats
    same: Flags
    usable: Flags
    crowd: Flags
    ignored: Flags
    iou: float

    @property
    def covers(self) -> Flags:
        """(D, G) the detection covers an object that is no crowd region."""
        out: Flags = (self.overlap >= self.iou) & self.usable & ~self.crowd
        return out

    @property
    def about(self) -> Flags:
        """(D, G) the detection is about such an object and of its class."""
        out: Flags = (self.overlap >= ABOUT) & self.usable & ~self.crowd & self.same
        return out


def match(
    truth: GroundTruth,
    labels: Sequence[int | None],
    boxes_img: ArrayLike,
    scores: ArrayLike,
    found_labels: ArrayLike,
    iou: float = 0.5,
) -> Matching:
    """Matches as `COCOeval.evaluateImg` does: by class, detections by falling score, each takes the free object it overlaps most.

    Of equal scores the earlier detection goes first, of equal overlaps the later object is taken, both as there. Crowd regions and
    ignored objects get what no other object takes; a crowd region any number of detections.

    Where several things are wrong, a detection that covers an object tells more than one that touches it (TIDE looks for bad
    placement first), and one that counts for nothing more than one that counts for another object.

    Args:
        truth: the objects.
        labels: the detector's label of each, None where it has none; such objects and flawed ones are matched with nothing.
        boxes_img: (D, 4) xyxy image px.
        scores: (D,).
        found_labels: (D,).
        iou: overlap from which a detection counts, 0..1.
    """
    known = np.array([label is not None for label in labels], np.bool_)
    wanted = np.array([-1 if label is None else label for label in labels], np.int64)
    same = (np.asarray(found_labels, np.int64).reshape(-1, 1) == wanted) & known
    scene = _scene(truth, np.asarray(boxes_img, np.float64).reshape(-1, 4), same, iou)
    order = np.argsort(-np.asarray(scores, np.float64).reshape(-1), kind="stable")
    matched = _matched(scene, order)
    kinds = _kinds(scene, matched)
    outcomes, rows = _outcomes(scene, matched, kinds)
    outcomes[~known], outcomes[scene.crowd], outcomes[~scene.usable] = "unknown class", "crowd", "flawed"
    rows[~known | scene.crowd | ~scene.usable] = -1
    # the last row stands for no detection
    decided = np.vstack([scene.overlap, scene.overlap.max(0, initial=0.0)])
    values = decided[rows, np.arange(len(truth))]
    return Matching(tuple(outcomes), frozen(rows, np.int32), frozen(values, np.float32), tuple(kinds), frozen(matched, np.int32))


def overlaps(boxes: Floats, others: Floats, crowd: Flags) -> Floats:
    """IoU (D, G) of boxes xyxy; for a crowd region the share of the box that lies in it, as in COCO; 0 where there is no area."""
    low, high = np.maximum(boxes[:, None, :2], others[None, :, :2]), np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(-1)
    area, other_area = (np.clip(b[:, 2:] - b[:, :2], 0, None).prod(-1) for b in (boxes, others))
    union = np.where(crowd[None], area[:, None], area[:, None] + other_area[None] - shared)
    out: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return out


def _scene(truth: GroundTruth, boxes: Floats, same: Flags, iou: float) -> _Scene:
    usable = np.array([not flaw for flaw in truth.flaws], np.bool_)
    overlap = np.where(usable, overlaps(boxes, truth.boxes_img, truth.crowd), 0.0)
    return _Scene(overlap, same, usable, truth.crowd, truth.crowd | truth.ignored, iou)


def _matched(scene: _Scene, order: Ints) -> Ints:
    """For every detection the object that it takes, or -1."""
    count = len(scene.usable)
    matched = np.full(len(order), -1)
    free = scene.usable.copy()
    # COCO keeps a perfect overlap from failing at a threshold of 1
    values = np.where(scene.same & (scene.overlap >= min(scene.iou, 1 - 1e-10)), scene.overlap, -1.0)
    for detection in order[values[order].max(1, initial=-1.0) >= 0]:
        for group in (free & ~scene.ignored, free & scene.ignored):
            row = np.where(group, values[detection], -1.0)[::-1]
            if row.max(initial=-1.0) >= 0:
                taken = count - 1 - int(row.argmax())
                matched[detection], free[taken] = taken, scene.crowd[taken]
                break
    return matched


def _kinds(scene: _Scene, matched: Ints) -> NDArray[np.object_]:
    kinds = np.full(len(matched), "background", np.object_)
    kinds[scene.about.any(1)] = "badly placed"
    kinds[(scene.covers & ~scene.same).any(1)] = "wrong class"
    kinds[(scene.covers & scene.same).any(1)] = "duplicate"
    kinds[matched >= 0] = "match"
    kinds[(matched >= 0) & np.append(scene.ignored, False)[matched]] = "ignored"
    return kinds


def _outcomes(scene: _Scene, matched: Ints, kinds: NDArray[np.object_]) -> tuple[NDArray[np.object_], Ints]:
    """Outcome of every object, and the detection that decides it or -1; from the weakest rule to the strongest."""
    free, objects = (matched < 0)[:, None], np.arange(len(scene.usable))
    covers, same = scene.covers, scene.same
    rules = (
        ("badly placed", scene.about & (kinds == "badly placed")[:, None]),
        ("taken", covers & ~same & ~free),
        ("wrong class", covers & ~same & free),
        ("taken", covers & same & ~free),
        ("ignored", np.broadcast_to(scene.ignored, covers.shape)),
        ("found", matched[:, None] == objects),
    )
    outcomes = np.where(scene.ignored, "ignored", "missed").astype(np.object_)
    rows = np.full(len(objects), -1)
    if not len(matched):
        return outcomes, rows
    for outcome, hits in rules:
        hit = hits.any(0)
        outcomes[hit] = outcome
        rows[hit] = np.where(hits, scene.overlap, -1.0).argmax(0)[hit]
        rows[outcomes == "ignored"] = -1
    return outcomes, rows
