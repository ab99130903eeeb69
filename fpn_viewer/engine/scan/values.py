"""What a scan finds in one picture, as frozen values that go from the one who examines it to the one who writes it down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fpn_viewer.core.geometry import Box


@dataclass(frozen=True)
class ObjectRow:
    """One annotated object; the same for every detector.

    Attributes:
        number: its place in the picture's annotations, from 0.
        name: its class as annotated.
        box_img: xyxy image px.
        area: image px², as annotated (COCO: of the mask).
        crowd: a region of many objects.
        ignored: marked as difficult.
        flaw: what is wrong with its box, "" when nothing.
    """

    number: int
    name: str
    box_img: Box
    area: float
    crowd: bool
    ignored: bool
    flaw: str


@dataclass(frozen=True)
class FateRow:
    """What one detector made of one object.

    Attributes:
        number: of the object.
        label: the detector's label of its class, None where it has none; nothing but `outcome` is then known.
        outcome: a key of `matching.OUTCOMES`.
        killer: stage that lost it; "" when a detection matches it.
        stage_outcome: a key of `line.OUTCOMES`; "" where it could not be followed.
        value: the deciding number at the killer.
        limit: what it was held against.
        margin: how far on the right side of it; negative when it failed.
        unit: of these three.
        detection: number of the detection that decides the outcome; None without one.
        score: of that detection.
        iou: of that detection with the object; of the best of any class where none decides.
        net_h: height, net px.
        net_w: width, net px.
        cells: the longer side in cells of the level it is read from, else of the finest level.
        level: that level.
        anchor_iou: of the best anchor; None where training does not match anchors by overlap.
        positives: anchors that training would assign to it; None as above.
        verdict: one sentence; "" where it could not be followed.
    """

    number: int
    label: int | None
    outcome: str
    killer: str = ""
    stage_outcome: str = ""
    value: float | None = None
    limit: float | None = None
    margin: float | None = None
    unit: str = ""
    detection: int | None = None
    score: float | None = None
    iou: float = 0.0
    net_h: float | None = None
    net_w: float | None = None
    cells: float | None = None
    level: str = ""
    anchor_iou: float | None = None
    positives: int | None = None
    verdict: str = ""


@dataclass(frozen=True)
class DetectionRow:
    """One detection of one detector.

    Attributes:
        number: its place in the model's own output, from 0.
        label: the detector's label.
        name: its class.
        score: 0..1.
        box_img: xyxy image px.
        kind: a key of `matching.KINDS`; "" in a picture without annotations.
        object: number of the object that it counts for; None without one.
    """

    number: int
    label: int
    name: str
    score: float
    box_img: Box
    kind: str
    object: int | None


@dataclass(frozen=True)
class RunRow:
    """One detector on one picture.

    Attributes:
        detector: its place among the scan's detectors, from 0.
        problem: why it could not be run, one sentence; "" when it was.
        net_h: height after the resize, net px.
        net_w: width.
        follows: "" when the replay reproduces the model's own output, else the stage from which it does not.
        fates: one for each object.
        detections: the model's own.
        seconds: of the forward and of everything after it.
    """

    detector: int
    problem: str = ""
    net_h: int = 0
    net_w: int = 0
    follows: str = ""
    fates: tuple[FateRow, ...] = ()
    detections: tuple[DetectionRow, ...] = ()
    seconds: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class PictureRow:
    """All that a scan finds in one picture.

    Attributes:
        number: its place in the scan, from 0.
        height: image px; 0 when it cannot be read.
        width: image px.
        digest: of its pixels.
        problem: why it, or its annotations, cannot be read, one sentence; "" when both can.
        annotated: whether anything is said of it; a picture without objects may be annotated.
        objects: as annotated.
        runs: one for each detector; none when it cannot be read.
        seconds: of reading it.
    """

    number: int
    height: int = 0
    width: int = 0
    digest: str = ""
    problem: str = ""
    annotated: bool = False
    objects: tuple[ObjectRow, ...] = ()
    runs: tuple[RunRow, ...] = ()
    seconds: float = 0.0
