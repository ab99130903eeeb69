"""The life line of one object, as frozen values: what every stage did to its candidates, where it was lost, and what would help."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from fpn_viewer.core.structures import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from fpn_viewer.core.geometry import Box

#: what became of an object, ours: name to one sentence
OUTCOMES: dict[str, str] = {
    "detected": "a detection of its class overlaps it enough",
    "never proposed": "the RPN offered no box that overlaps it enough",
    "suppressed": "a better-scored neighbour removed its boxes",
    "capped": "its boxes came too late in a list that is cut",
    "badly placed": "what was proposed was moved away from it",
    "background": "its boxes were taken for background",
    "other class": "its boxes were taken for another class",
    "unknown": "this model selects in a way of its own, which cannot be followed",
}


@dataclass(frozen=True)
class Suppressor:
    """The box that removed an object's best candidate in a non-maximum suppression.

    Attributes:
        stage: "rpn_nms" or "nms".
        box_img: xyxy image px.
        score: sigmoid objectness in the RPN, class score behind the heads.
        label: its class; None in the RPN.
        iou: with the candidate that it removed.
        iou_object: with the object.
        level: pyramid level whose anchor it grew from, "" when unknown.
        cell: (row, column) of that anchor; None when unknown.
    """

    stage: str
    box_img: Box
    score: float
    label: int | None
    iou: float
    iou_object: float
    level: str = ""
    cell: tuple[int, int] | None = None


@dataclass(frozen=True)
class Stage:
    """One stage of an object's life line.

    Attributes:
        name: as in `structures.STAGES`.
        state: "info" (never kills), "passed", "killer", "after" (behind the killer) or "unknown" (the replay cannot follow).
        survivors: candidates near the object that got past this stage; 0 from the killer on. For "resize" and "anchors": anchors
            that overlap it by the asked IoU.
        best_iou: highest IoU with the object among the survivors, or, where none is left, among those that came to the stage.
        value: the deciding number of the candidate that came closest (a rank, an IoU, a score, px); None when none came.
        limit: what it was held against, in the same unit; None where nothing is.
        margin: how far on the right side of the limit, in its unit; negative when it failed; None without value or limit.
        unit: "rank", "IoU", "score" or "px"; "" where nothing came.
        sentence: what happened, for a person.
        box_img: the deciding candidate's box, xyxy image px; None when none came.
        by_level: survivors by pyramid level.
    """

    name: str
    state: str
    survivors: int
    best_iou: float
    value: float | None
    limit: float | None
    margin: float | None
    unit: str
    sentence: str
    box_img: Box | None = None
    by_level: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_level", MappingProxyType(dict(self.by_level)))


@dataclass(frozen=True)
class Erasure:
    """What the resize did to the object's contrast, measured against an anti-aliased resize of the same crop.

    Attributes:
        plain: contrast after the detector's own resize, grey levels 0..255 (object's mean against its ring).
        antialiased: the same after an anti-aliased resize to the same size.
        lost: share of the anti-aliased contrast that the detector's resize lost, 0..1 (0 when it kept all).
    """

    plain: float
    antialiased: float
    lost: float


@dataclass(frozen=True)
class Sizes:
    """How large the object is in every frame.

    Attributes:
        image: (h, w) image px.
        net: (h, w) net px.
        cells: (h, w) in cells, by level.
        bucket_img: COCO's "small", "medium" or "large" by area in image px.
        bucket_net: the same in net px.
        roi_level: the level that a proposal of this size is read from; "" where there is no RoI pooling.
        erasure: what the resize did to it; None when the picture is not at hand or was not made smaller.
        sentence: what a person should know of it.
    """

    image: tuple[float, float]
    net: tuple[float, float]
    cells: Mapping[str, tuple[float, float]]
    bucket_img: str
    bucket_net: str
    roi_level: str
    erasure: Erasure | None
    sentence: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "cells", MappingProxyType(dict(self.cells)))


@dataclass(frozen=True)
class Training:
    """What training would have done with this object, next to the picture's other ground truth.

    Attributes:
        best_iou: highest IoU of any anchor with the object.
        level: level of that anchor.
        anchor_img: that anchor, xyxy image px.
        match: "foreground", "ignored" or "background": what that anchor is by thresholds alone.
        rescued: True when positives come from the low-quality rule only.
        positives: anchors that training assigns to this object.
        robbed_by: index of the other ground truth that takes the anchors rescued for this one; None when nobody does.
        share: expected number of this object's anchors among the sampled positives.
        budget: sampled positives in all (at most 128 of 256 by default).
        sentence: what a person should know of it.
    """

    best_iou: float
    level: str
    anchor_img: Box
    match: str
    rescued: bool
    positives: int
    robbed_by: int | None
    share: float
    budget: int
    sentence: str


@dataclass(frozen=True)
class Rival:
    """A detection that covers the object and does not count for it.

    Attributes:
        detection: row of the trace's detections.
        box_img: xyxy image px.
        label: its class.
        score: its score.
        iou: with the object.
        why: "other class", "badly placed" or "taken" (it counts for a neighbour).
    """

    detection: int
    box_img: Box
    label: int
    score: float
    iou: float
    why: str


@dataclass(frozen=True)
class Remedy:
    """A single change that brought the object back when it was tried.

    Attributes:
        setting: name of a setting, "gain", or "anchor_sizes" (needs training, was not tried by running).
        value: its new value; for a gain (node, term, factor).
        before: the value in force; for a gain the factor.
        outcome: one sentence with what else changed.
        score: of the detection that then matches the object.
        iou: of that detection.
        gained: detections that are new in the picture, the object's own not counted.
        lost: detections that are gone.
        false_positives: how many of the new ones match no other ground truth; None when no ground truth was given.
        retrain: True when it needs training; it was worked out from the anchors and not run.
    """

    setting: str
    value: object
    before: object
    outcome: str
    score: float = 0.0
    iou: float = 0.0
    gained: int = 0
    lost: int = 0
    false_positives: int | None = None
    retrain: bool = False


@dataclass(frozen=True)
class LifeLine:
    """What happened to one object in one trace.

    Attributes:
        box_img: the object, xyxy image px.
        label: its class, or None for any.
        label_name: its class's name, "" for any.
        iou: overlap from which a box counts as near.
        stages: in order; those that the detector's family has.
        killer: name of the stage that lost it; None when it was detected.
        outcome: a key of `OUTCOMES`.
        verdict: one sentence.
        suppressor: the box that removed it, when a suppression did.
        rival: the best detection that covers it without counting for it, if any.
        detection: row of the trace's detections that matches it, or None.
        sizes: how large it is.
        training: what training would have done; None where it does not match anchors by overlap.
        mechanism: name in csiro-robotics' fn_mechanisms, "" when detected.
        tide: name of the error in TIDE, "" when detected.
        factors: other things that made it harder ("resize", "gain of top-down into M3 is 0").
    """

    box_img: Box
    label: int | None
    label_name: str
    iou: float
    stages: tuple[Stage, ...]
    killer: str | None
    outcome: str
    verdict: str
    suppressor: Suppressor | None
    rival: Rival | None
    detection: int | None
    sizes: Sizes
    training: Training | None
    mechanism: str
    tide: str
    factors: tuple[str, ...] = ()
    ask: Callable[[], tuple[Remedy, ...]] | None = field(default=None, repr=False, compare=False)

    @cached_property
    def remedies(self) -> tuple[Remedy, ...]:
        """Single changes that bring the object back, smallest first; each is tried when this is first read."""
        return self.ask() if self.ask is not None else ()

    def stage(self, name: str) -> Stage:
        """The stage of that name.

        Raises:
            KeyError: this family has none.
        """
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise KeyError(name)


@dataclass(frozen=True)
class NearBoxes(Table):
    """The candidates near an object that came to a stage, best overlap first; for drawing.

    Attributes:
        boxes_img: (N, 4) xyxy image px.
        iou: with the object (N,).
        alive: survived this stage (N,).
        level: index into the trace's levels of the anchor it grew from, -1 when unknown (N,).
        cell: (N, 2) row and column of that anchor.
        score: sigmoid objectness up to "rpn_cap", class score from "box_regression" on (N,).
        label: class from "box_regression" on, 0 before (N,).
    """

    boxes_img: NDArray[np.float32]
    iou: NDArray[np.float32]
    alive: NDArray[np.bool_]
    level: NDArray[np.int16]
    cell: NDArray[np.int32]
    score: NDArray[np.float32]
    label: NDArray[np.int32]
