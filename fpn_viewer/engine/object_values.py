"""What the worker answers about one object: frozen values for the screen. No torch, no Qt."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fpn_viewer.core.analysis.curves import Curve
    from fpn_viewer.core.analysis.line import LifeLine, NearBoxes, Remedy
    from fpn_viewer.core.analysis.signals import Signal
    from fpn_viewer.core.analysis.trap_values import Trap
    from fpn_viewer.core.geometry import Box
    from fpn_viewer.core.structures import Detections

#: kinds of `remedies.KINDS` that are tried together, so that what takes milliseconds does not wait for what takes seconds
REMEDY_ROUNDS: tuple[tuple[str, ...], ...] = (("selection", "restored"), ("gains",), ("input", "anchors"))


@dataclass(frozen=True)
class Asked:
    """The object that questions are about.

    Attributes:
        box_img: xyxy image px.
        label: its class, or None for any.
        iou: overlap from which a box counts as near.
        others_img: the other annotated objects of the picture, xyxy image px each.
        index: its row among the picture's objects, or -1 for a drawn box.
    """

    box_img: Box
    label: int | None = None
    iou: float = 0.5
    others_img: tuple[Box, ...] = ()
    index: int = -1


@dataclass(frozen=True)
class Change:
    """A what-if: what differs from the detector as it was opened.

    Attributes:
        settings: values by name of `Settings`.
        gains: factors by (node, term).
    """

    settings: Mapping[str, object] = field(default_factory=dict)
    gains: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", MappingProxyType(dict(self.settings)))
        object.__setattr__(self, "gains", MappingProxyType(dict(self.gains)))

    def __bool__(self) -> bool:
        return bool(self.settings or self.gains)

    def __len__(self) -> int:
        return len(self.settings) + len(self.gains)


@dataclass(frozen=True)
class Explained:
    """The life line of the asked object; its `ask` is None, remedies come separately."""

    key: str
    asked: Asked
    line: LifeLine


@dataclass(frozen=True)
class Verdicts:
    """For each object of a picture (killer or "", outcome, verdict), in their order."""

    key: str
    rows: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class StageView:
    """The boxes near the asked object that came to a stage."""

    key: str
    asked: Asked
    stage: str
    boxes: NearBoxes


@dataclass(frozen=True)
class SignalView:
    """The asked object in every node."""

    key: str
    asked: Asked
    signal: Signal


@dataclass(frozen=True)
class WhatIfAnswer:
    """What a change would make of the asked object and its picture.

    Attributes:
        key: the trace it was asked of.
        asked: the object.
        change: what was tried.
        line: the object's life line under the change.
        detections: the picture's detections under the change.
        began: the first part that was run again: "heads", "rpn", "neck" or "forward".
        seconds: how long that took.
    """

    key: str
    asked: Asked
    change: Change
    line: LifeLine
    detections: Detections
    began: str
    seconds: float


@dataclass(frozen=True)
class RemediesFound:
    """Single changes that bring the asked object back, each tried.

    Attributes:
        key: the trace.
        asked: the object.
        remedies: those of one round, smallest change first.
        round: which of `REMEDY_ROUNDS`.
    """

    key: str
    asked: Asked
    remedies: tuple[Remedy, ...]
    round: int = len(REMEDY_ROUNDS) - 1


@dataclass(frozen=True)
class ZoomFound:
    """What the detector makes of the asked object when only its surroundings are run.

    Attributes:
        key: the trace of the whole picture.
        asked: the object.
        region_img: what was run, xyxy whole image px.
        larger: how many times larger the object is in the network than in the whole picture.
        side: its longer side in the network then, net px.
        line: its life line there; its boxes are in px of the region.
        score: of the detection that matches it, 0 without one.
        iou: of that detection.
    """

    key: str
    asked: Asked
    region_img: Box
    larger: float
    side: float
    line: LifeLine
    score: float = 0.0
    iou: float = 0.0


@dataclass(frozen=True)
class CurveFound:
    """A sweep over the asked object; `term` is None for its size."""

    key: str
    asked: Asked
    term: tuple[str, str] | None
    curve: Curve


@dataclass(frozen=True)
class TrapsFound:
    """Known traps that the trace steps into."""

    key: str
    traps: tuple[Trap, ...]
