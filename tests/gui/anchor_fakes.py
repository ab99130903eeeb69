"""A small detector's answer, made by hand, for the tests of the tab "Anchors & RPN"."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtCore import QObject, Signal

from fpn_viewer.core.demo.recipe import SPEC
from fpn_viewer.core.geometry import Geometry, Level
from fpn_viewer.core.images import Picture
from fpn_viewer.core.necks.graph import Graph
from fpn_viewer.core.structures import STAGE, Candidates, Detections, Proposals
from fpn_viewer.engine.values import AnchorField, PictureView, Plane, TraceView
from fpn_viewer.viewmodels.document import RunState

SIZE = (64, 96)
LEVELS = (
    Level("P2", (4.0, 4.0), (16, 24), (4, 4), 2),
    Level("P3", (8.0, 8.0), (8, 12), (7, 8), 2),
)
SHAPES = (("10 px 1:2", "10 px 2:1"), ("20 px 1:2", "20 px 2:1"))
P3_START = 16 * 24 * 2
COUNT = P3_START + 8 * 12 * 2


def anchors() -> np.ndarray:
    """All anchors in torchvision's order, image px (the net px are the same here)."""
    parts = []
    for level, side in zip(LEVELS, (10, 20), strict=True):
        y, x, k = (a.ravel() for a in np.indices((*level.size, 2)))
        centre = np.stack([x * level.anchor_stride[1], y * level.anchor_stride[0]], 1)
        half = np.array([(side * 0.7, side * 0.35), (side * 0.35, side * 0.7)])[k]
        parts.append(np.concatenate([centre - half, centre + half], 1))
    return np.concatenate(parts).astype(np.float32)


def candidates() -> Candidates:
    """Rank by row; the best 50 of each level survive the top-k, and some get further."""
    places = [np.indices((*level.size, 2)).reshape(3, -1) for level in LEVELS]
    y, x, shape = np.concatenate(places, 1)
    level = np.repeat([0, 1], [P3_START, COUNT - P3_START])
    rank = np.concatenate([np.arange(1, P3_START + 1), np.arange(1, COUNT - P3_START + 1)])
    alive = np.where(rank <= 50, STAGE["rpn_score"], STAGE["rpn_regression"])
    alive[:20] = STAGE["rpn_cap"]
    alive[P3_START] = STAGE["detected"]
    suppressed = np.where(alive == STAGE["rpn_score"], 0, -1)
    logits = 4.0 - rank * 0.05
    return Candidates(
        level.astype(np.int16),
        y.astype(np.int32),
        x.astype(np.int32),
        shape.astype(np.int16),
        logits.astype(np.float32),
        anchors() + 1,
        alive.astype(np.int8),
        suppressed.astype(np.int32),
        rank.astype(np.int32),
    )


def field(key: str = "trace") -> AnchorField:
    """All anchors; twenty proposals, the last of which the replay does not know."""
    rows = np.arange(20, dtype=np.int32)
    rows[:5] += P3_START
    rows[19] = -1
    boxes = anchors()[rows] + 1
    proposals = Proposals(boxes, np.linspace(0.95, 0.05, 20, dtype=np.float32), rows, np.zeros(20, np.int16))
    return AnchorField(key, anchors(), candidates(), anchors() + 1, proposals, boxes, SHAPES)


def detections() -> Detections:
    """Three of two classes; the first grew from the first anchor of P3."""
    boxes = np.array([[2, 1, 30, 20], [40, 30, 90, 60], [42, 31, 60, 58]], np.float32)
    rows = np.array([P3_START, 3, -1], np.int32)
    return Detections(boxes, np.array([0.9, 0.6, 0.2], np.float32), np.array([1, 2, 2]), rows)


def trace(key: str = "trace", **changes: object) -> TraceView:
    """The trace of `field`."""
    view = TraceView(
        key=key,
        path="black.png",
        spec=SPEC,
        settings=SPEC.settings.changed(rpn_pre_nms_top_n=50),
        gains={},
        geometry=Geometry(SIZE, SIZE, SIZE),
        levels=LEVELS,
        graph=Graph("FPN", (), ()),
        channels={},
        detections=detections(),
        proposals_count=20,
        anchors_count=COUNT,
        follows=None,
        warnings=(),
        times=(),
        device="cpu",
        memory=None,
    )
    return replace(view, **changes)  # type: ignore[arg-type]


def black() -> PictureView:
    """A black picture."""
    pixels = np.zeros((*SIZE, 3), np.uint8)
    return PictureView("black.png", Picture(pixels, "black.png"), (pixels,))


def objectness(level: str, value: int) -> Plane:
    """A map of one value."""
    size = LEVELS[level == "P3"].size
    return Plane((level, "objectness"), level, np.full(size, value, np.uint8), 0.0, 1.0, False, "objectness", (0, 0, 96, 64))


class FakeDocument(QObject):
    """Holds what the test gives it, and notes what it is asked for."""

    picture_changed = Signal(object)
    trace_changed = Signal(object)
    anchors_changed = Signal(object)
    objectness_changed = Signal(object)
    state_changed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.picture: PictureView | None = None
        self.trace: TraceView | None = None
        self.anchors: AnchorField | None = None
        self.detector: object = object()
        self.run_state = RunState()
        self.anchors_asked = 0
        self.objectness_asked: list[tuple[str, int | None]] = []

    def need_anchors(self) -> None:
        self.anchors_asked += 1

    def need_objectness(self, level: str, shape: int | None) -> None:
        self.objectness_asked.append((level, shape))

    def show_picture(self, view: PictureView | None) -> None:
        self.picture = view
        self.picture_changed.emit(view)

    def show_trace(self, view: TraceView | None) -> None:
        self.trace, self.anchors = view, None
        self.trace_changed.emit(view)

    def show_anchors(self, found: AnchorField) -> None:
        self.anchors = found
        self.anchors_changed.emit(found)

    def set_state(self, **values: object) -> None:
        self.run_state = RunState(**values)  # type: ignore[arg-type]
        self.state_changed.emit(self.run_state)
