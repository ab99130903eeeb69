"""What the worker answers: frozen values of numpy arrays and plain data, made for the screen. No torch, no Qt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from fpn_viewer.core.detectors.spec import DetectorSpec, Settings
    from fpn_viewer.core.geometry import Box, Geometry, Level
    from fpn_viewer.core.images import Picture
    from fpn_viewer.core.necks.graph import Graph
    from fpn_viewer.core.structures import Candidates, Detections, Divergence, Proposals, StageTime

    Bytes = NDArray[np.uint8]
    Floats = NDArray[np.float32]

#: how (C, h, w) becomes one plane: key to what the colour bar says
REDUCTIONS: dict[str, str] = {
    "mean_abs": "mean |x| over channels",
    "l2": "L2 norm over channels",
    "max": "maximum over channels",
    "mean": "mean over channels (signed)",
    "channel": "one channel (signed)",
    "pca": "first three principal components as R, G, B",
}
#: reductions whose values have a sign: drawn with a diverging map centred on zero
SIGNED: frozenset[str] = frozenset({"mean", "channel"})
#: over which planes one colour scale is shared
SCALES: dict[str, str] = {"cell": "per cell", "row": "per row", "locked": "locked over all levels"}
#: the extra column: how much of M came from the top-down path
SHARE = "share"


@dataclass(frozen=True)
class DetectorInfo:
    """A detector is ready.

    Attributes:
        source: what the user named.
        spec: what it is.
        graph: its neck.
        device: where it runs, "cuda:0".
        devices: all devices of this machine, best first.
        parameters: number of weights.
        options: what was said of it when it was opened.
    """

    source: str
    spec: DetectorSpec
    graph: Graph
    device: str
    devices: tuple[str, ...]
    parameters: int
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class PictureView:
    """A picture ready to be shown.

    Attributes:
        path: the file.
        picture: its pixels.
        reduced: the picture at full size and at halves of it, largest first, each (h, w, 3) uint8; what is drawn.
    """

    path: str
    picture: Picture = field(repr=False)
    reduced: tuple[Bytes, ...] = field(repr=False)


@dataclass(frozen=True)
class TraceView:
    """What the window needs of a trace; the trace itself stays with the worker under `key`.

    Attributes:
        key: names the trace in further requests.
        path: the picture's path.
        spec: the detector.
        settings: in force.
        gains: factors on terms in force, by (node, term); empty for the model as it is.
        geometry: the picture's sizes and frames.
        levels: fine to coarse.
        graph: nodes and terms.
        channels: width of every node by name.
        detections: the model's own output.
        proposals_count: what the RPN handed over.
        anchors_count: over all levels.
        follows: None, or the stage from which the replay differs.
        warnings: sentences.
        times: per stage.
        device: "cuda:0".
        memory: (used, total) bytes of the device, or None on the CPU.
    """

    key: str
    path: str
    spec: DetectorSpec
    settings: Settings
    gains: Mapping[tuple[str, str], float]
    geometry: Geometry
    levels: tuple[Level, ...]
    graph: Graph
    channels: Mapping[str, int]
    detections: Detections
    proposals_count: int
    anchors_count: int
    follows: Divergence | None
    warnings: tuple[str, ...]
    times: tuple[StageTime, ...]
    device: str
    memory: tuple[int, int] | None


@dataclass(frozen=True)
class Plane:
    """One map ready to be coloured, padding cropped.

    Attributes:
        cell: (level, role), as ("P3", "merged"); the role may be `SHARE`.
        title: "M3", "share of top-down in M3".
        values: (h, w) uint8, 0 at `low` and 255 at `high`; (h, w, 3) RGB for "pca".
        low: value of 0.
        high: value of 255.
        signed: True when the map is diverging around (low + high) / 2.
        unit: what the numbers are, for the colour bar.
        box_img: xyxy image px that `values` covers; it may reach past the picture, where drawing clips it.
        broken: number of cells that hold NaN or infinity, which are drawn hatched; their value is 0.
        broken_at: (h, w), True in those cells; None when there are none.
    """

    cell: tuple[str, str]
    title: str
    values: Bytes = field(repr=False)
    low: float
    high: float
    signed: bool
    unit: str
    box_img: Box
    broken: int = 0
    broken_at: NDArray[np.bool_] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Planes:
    """All planes of a display setting.

    Attributes:
        key: the trace.
        reduction: a key of `REDUCTIONS`.
        channel: the one shown when the reduction is "channel".
        scale: a key of `SCALES`.
        planes: by (level, role).
    """

    key: str
    reduction: str
    channel: int
    scale: str
    planes: Mapping[tuple[str, str], Plane] = field(repr=False)


@dataclass(frozen=True)
class ProbeRow:
    """One level under the cursor.

    Attributes:
        level: "P3".
        cell: (row, column).
        cell_box_img: the image px it covers, xyxy.
        values: by role (as "lateral"), reduced as the display is; None where the pyramid has no such node.
        top_down_share: ‖T‖ / (‖L‖ + ‖T‖) of the merged cell, 0..1; None without a top-down term.
        sources: exact shares of the output cell by backbone map and "bias": projection of each contribution on the cell's vector,
            they sum to 1 (LINEAR-EXACT); empty when the neck is not affine.
        receptive_img: theoretical receptive field of the output cell, xyxy image px, clipped to the picture.
    """

    level: str
    cell: tuple[int, int]
    cell_box_img: Box
    values: Mapping[str, float | None]
    top_down_share: float | None
    sources: Mapping[str, float]
    receptive_img: Box


@dataclass(frozen=True)
class Probe:
    """Every level under one image point."""

    key: str
    point_img: tuple[float, float]
    rows: tuple[ProbeRow, ...]


@dataclass(frozen=True)
class ChannelRanking:
    """Channels of one node by how they answer inside a box against the ring around it.

    Attributes:
        key: the trace.
        node: "P3".
        box_img: xyxy image px.
        channel: best first (C,).
        contrast: (mean inside − mean of the ring) / deviation of the ring (C,), in that order.
        inside: mean inside (C,).
        ring: mean of the ring (C,).
        cells: number of cells inside.
    """

    key: str
    node: str
    box_img: Box
    channel: NDArray[np.int32]
    contrast: Floats
    inside: Floats
    ring: Floats
    cells: int


@dataclass(frozen=True)
class AnchorField:
    """All anchors with their fate, for drawing.

    Attributes:
        key: the trace.
        anchors_img: (N, 4) xyxy image px, in torchvision's order (level, row, column, shape).
        candidates: the same rows: level, cell, shape, objectness, box after regression (net px), fate, rank.
        regressed_img: (N, 4) xyxy image px, after the RPN's regression.
        proposals: after NMS and cap, best first.
        proposals_img: (R, 4) xyxy image px.
        shapes: per level, label of each of the cell's anchors: "32 px 1:2".
    """

    key: str
    anchors_img: Floats = field(repr=False)
    candidates: Candidates = field(repr=False)
    regressed_img: Floats = field(repr=False)
    proposals: Proposals = field(repr=False)
    proposals_img: Floats = field(repr=False)
    shapes: tuple[tuple[str, ...], ...]
