"""What the worker answers about two runs of one picture: frozen values for the screen. No torch, no Qt."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fpn_viewer.core.detectors.adapters.named import NamedModel
from fpn_viewer.core.necks.graph import TOP_DOWN
from fpn_viewer.engine.object_values import Change

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fpn_viewer.core.comparison.values import DetectionPair, NodeDifference, ObjectPair, ObjectRow, WeightChange
    from fpn_viewer.core.detectors.spec import DetectorSpec, Settings
    from fpn_viewer.core.geometry import Geometry, Level, Size
    from fpn_viewer.core.structures import Detections, Divergence, StageTime
    from fpn_viewer.engine.values import DetectorInfo, Plane

#: letters that detectors are known by; of the up to so many that are compared two are shown, as A and B
LETTERS = "ABCD"


@dataclass(frozen=True)
class Subject:
    """One side of a comparison: a detector, and how it is run.

    Attributes:
        source: what `open_detector` takes; None for the detector that the window shows.
        options: what is said of it when it is opened.
        change: settings and gains that it runs with.
        tile: side of the squares that the picture is cut into and run one by one, image px; 0 runs it whole.
        overlap: of neighbouring tiles, as a share of their side.
    """

    source: object = None
    options: Mapping[str, object] = field(default_factory=dict)
    change: Change = field(default_factory=Change)
    tile: int = 0
    overlap: float = 0.25


@dataclass(frozen=True)
class SideView:
    """One side as it ran.

    Attributes:
        letter: "A" or "B", as it is shown.
        name: of the detector and of what is changed in it: "demo", "demo · min_size 1333", "demo · 512 px tiles".
        spec: the detector.
        settings: in force.
        geometry: the picture's sizes and frames; of tiles, as if the whole had been run at the size that they have in the network.
        levels: fine to coarse.
        nodes: channels of every node by name, in computing order.
        detections: the model's own output; of tiles, put together.
        tiles: boxes of the tiles, xyxy image px; none when it ran whole.
        follows: None, or the stage from which the replay differs.
        times: per stage; of tiles, added up.
        warnings: sentences.
    """

    letter: str
    name: str
    spec: DetectorSpec
    settings: Settings
    geometry: Geometry
    levels: tuple[Level, ...]
    nodes: Mapping[str, int]
    detections: Detections
    tiles: tuple[tuple[float, float, float, float], ...] = ()
    follows: Divergence | None = None
    times: tuple[StageTime, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class CompareView:
    """Two sides ran over one picture.

    Attributes:
        key: names the comparison in further requests.
        path: the picture.
        image_size: (H, W) image px.
        a: the first side; None where it could not be run.
        b: the second, the same.
        nodes: names that both have first, in A's computing order, then those of one side only.
        detections: what is about the same thing in both; none where a side is missing.
        notes: sentences about what differs in how they ran ("A sees 1333 × 1000 px, B 800 × 600: maps are read at the same
            points of the picture", "the backbone is the same and ran once").
        troubles: why A and why B could not be run; "" where it ran.
    """

    key: str
    path: str
    image_size: Size
    a: SideView | None
    b: SideView | None
    nodes: tuple[str, ...]
    detections: tuple[DetectionPair, ...]
    notes: tuple[str, ...]
    troubles: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class ComparePlanes:
    """One node of both sides on one colour scale, and their difference.

    Attributes:
        key: the comparison.
        node: "P2".
        reduction: a key of `values.REDUCTIONS`.
        channel_a: of A when the reduction is "channel".
        channel_b: the one of B that belongs to it.
        matched: how the two were put together: "by index" or "by correlation"; "" for other reductions.
        a: None where A has no such node or channel.
        b: None as above.
        difference: B − A on A's grid, signed around zero; None where one is missing or the reduction cannot be subtracted.
        sentence: why something is missing, or that it was resampled; "" otherwise.
    """

    key: str
    node: str
    reduction: str
    channel_a: int
    channel_b: int
    matched: str
    a: Plane | None
    b: Plane | None
    difference: Plane | None
    sentence: str = ""


@dataclass(frozen=True)
class ComparedNodes:
    """Every node of both sides, in computing order.

    Attributes:
        key: the comparison.
        rows: one for each node that both have.
        parting: the first node in computing order in which they differ; "" where none does.
        tolerance: relative L2 from which two maps count as different.
        sentence: the same in words.
    """

    key: str
    rows: tuple[NodeDifference, ...]
    parting: str
    tolerance: float
    sentence: str


@dataclass(frozen=True)
class ComparedObjects:
    """Every object of the picture in both, as far as it is known; without ground truth, every pair of detections.

    Attributes:
        key: the comparison.
        rows: one for each; where it was lost is not known of all of them at once.
        annotated: the objects are those of the ground truth.
    """

    key: str
    rows: tuple[ObjectRow, ...]
    annotated: bool

    @property
    def followed(self) -> int:
        """Of how many rows all is known."""
        return sum(row.followed for row in self.rows)


@dataclass(frozen=True)
class ComparedLines:
    """One object with both life lines.

    Attributes:
        key: the comparison.
        pair: the object.
    """

    key: str
    pair: ObjectPair


@dataclass(frozen=True)
class ComparedWeights:
    """Every module's weights in both detectors.

    Attributes:
        a: what A's subject names.
        b: the same of B.
        rows: in A's order, then those of B only.
        sentence: what was trained, in words: "Only the RoI head was trained: backbone, neck and RPN are the same."
    """

    a: str
    b: str
    rows: tuple[WeightChange, ...]
    sentence: str


@dataclass(frozen=True)
class ComparedPoint:
    """Both sides under one image point.

    Attributes:
        key: the comparison.
        point_img: (x, y) image px.
        rows: (node, A's reduced value, B's) for each node; None where it has none.
    """

    key: str
    point_img: tuple[float, float]
    rows: tuple[tuple[str, float | None, float | None], ...]


@dataclass(frozen=True)
class OpenedSubject:
    """A subject's detector is open.

    Attributes:
        handle: names it in further requests.
        info: what it is.
    """

    handle: str
    info: DetectorInfo


def source_name(subject: Subject) -> str:
    """What a side is called before its detector is open.

    Args:
        subject: the side; one without source runs the window's detector.
    """
    source = subject.source
    if source is None:
        return "the window's detector"
    if isinstance(source, str):
        return Path(source).name
    # a network shows itself in hundreds of lines
    return str(subject.options.get("name") or (source if isinstance(source, NamedModel) else type(source).__name__))


def title_of(subject: Subject, name: str) -> str:
    """What a side is called: its detector, and what is different in how it is run.

    Args:
        subject: how it is run.
        name: of its detector.
    """
    change = subject.change
    said = [f"{setting} {value}" for setting, value in sorted(change.settings.items())]
    off = {node for (node, term), factor in change.gains.items() if term == TOP_DOWN and factor == 0}
    said += ["top-down cut" if len(off) > 1 else f"top-down cut in {node}" for node in sorted(off)[:1]]
    said += [f"{term} in {node} × {by:g}" for (node, term), by in sorted(change.gains.items()) if term != TOP_DOWN or by]
    said += [f"{subject.tile} px tiles"] if subject.tile else []
    return " · ".join([name, *said])
