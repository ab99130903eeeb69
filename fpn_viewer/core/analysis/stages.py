"""What a family of detectors must answer about an object, so that one life line serves all of them.

A family is a `Reader` in a row of `lifeline.READERS`: `read` measures every stage, `near` gives boxes to draw. They never judge:
killer, outcome, states and verdict are the same for every family and are worked out in `verdict`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.analysis.overlap import iou_with

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from fpn_viewer.core.analysis.line import NearBoxes, Stage, Suppressor
    from fpn_viewer.core.geometry import Box
    from fpn_viewer.core.tracing.trace import Trace


@dataclass(frozen=True, eq=False)
class Question:
    """An object that a trace is asked about; checked.

    Attributes:
        trace: of any family.
        box_img: the object, xyxy image px, as annotated.
        label: its class from 1; None for any.
        iou: overlap from which a box counts as near.
    """

    trace: Trace
    box_img: Box
    label: int | None
    iou: float

    @cached_property
    def box_net(self) -> NDArray[np.float64]:
        """The object (4,) xyxy net px."""
        return self.trace.geometry.to_net(self.box_img)

    @property
    def label_name(self) -> str:
        """Name of its class, "" for any."""
        return "" if self.label is None else self.trace.spec.class_names[self.label]

    @cached_property
    def detected_iou(self) -> NDArray[np.float64]:
        """IoU of the object with each of the model's detections (N,)."""
        return iou_with(self.trace.detections.boxes_img, self.box_img)

    @cached_property
    def detected_asked(self) -> NDArray[np.bool_]:
        """Which of the model's detections have a class that counts for the object (N,)."""
        return self.is_asked(self.trace.detections.labels)

    def is_asked(self, labels: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Which of these labels (N,) count for the object."""
        return np.ones(len(labels), np.bool_) if self.label is None else labels == self.label


@dataclass(frozen=True)
class Reading:
    """What a family measured; `verdict` makes a life line of it.

    Attributes:
        stages: those that the family has, in the order of `structures.STAGES`, "detected" last. States "info" (never kills) and
            "passed" only; a stage of which nothing is known (the replay cannot follow) is read all the same, with whatever is seen.
            `survivors` may grow only at `revives`.
        suppressors: for each stage without survivors that is a suppression, the box that removed the best candidate.
        revives: stage at which candidates lost before may be near again (a badly placed proposal that the box head refined),
            "" where the family has none: once it has survivors, the killer is looked for behind it.
        rival_class: (label, score) of the best other class that passed the score limit on a box near the object; None without.
        strayed: IoU with the object of its class's own box, where that passed the score limit but only another class's box of the
            same proposal lies near; None otherwise.
    """

    stages: tuple[Stage, ...]
    suppressors: Mapping[str, Suppressor] = field(default_factory=dict)
    revives: str = ""
    rival_class: tuple[int, float] | None = None
    strayed: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "suppressors", MappingProxyType(dict(self.suppressors)))


@dataclass(frozen=True)
class Reader:
    """How the life line of a family's objects is read.

    Attributes:
        read: measures every stage for an object.
        near: (question, stage, floor, limit) to the boxes that came to a stage and overlap the object by `floor` or more, best
            overlap first, at most `limit`.
        brief: (question, choose) to a reading in short: every stage is counted, and only the one that `choose` names, from the
            counts, is measured. It has no "resize" and "anchors", which lose nothing.
        revives: that of every `Reading`.
    """

    read: Callable[[Question], Reading]
    near: Callable[[Question, str, float, int], NearBoxes]
    brief: Callable[[Question, Callable[[Reading], str | None]], Reading]
    revives: str = ""
