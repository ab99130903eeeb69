"""A document without workers, annotations without files, and what the view-models of objects ask of them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from fpn_viewer.core.annotations.structures import GroundTruth
from fpn_viewer.core.demo.recipe import SPEC
from fpn_viewer.core.errors import AnnotationError
from fpn_viewer.core.images import Picture
from fpn_viewer.core.structures import Detections
from fpn_viewer.engine.annotation_requests import OpenedAnnotations
from fpn_viewer.engine.jobs import Failure
from fpn_viewer.engine.values import DetectorInfo, PictureView
from fpn_viewer.viewmodels.states import RunState
from tests.gui import anchor_fakes

if TYPE_CHECKING:
    from fpn_viewer.engine.values import TraceView

Boxes = list[tuple[float, float, float, float]]
CAR, TRUCK = SPEC.class_names[1:3]


def truth(boxes: Boxes, names: list[str] | None = None, flaws: dict[int, str] | None = None) -> GroundTruth:
    """Cars, unless said otherwise."""
    count = len(boxes)
    array = np.array(boxes, np.float64).reshape(-1, 4)
    said = tuple((flaws or {}).get(n, "") for n in range(count))
    return GroundTruth(array, tuple(names or [CAR] * count), np.ones(count), np.zeros(count, bool), said)


class FakeAnnotations:
    """Ground truth by picture; a string stands for a file that cannot be read."""

    format = "COCO"
    count = None
    flaws = MappingProxyType({"no width": 1})
    problems: tuple[str, ...] = ()

    def __init__(
        self, pictures: dict[str, GroundTruth | str], names: tuple[str, ...] = (CAR, TRUCK), path: str = "set.json"
    ) -> None:
        self.pictures, self.names, self.path = pictures, names, path

    def of(self, picture: str, size: tuple[int, int] | None = None) -> GroundTruth | None:
        found = self.pictures.get(picture)
        if isinstance(found, str):
            raise AnnotationError(found)
        return found


class FakeDocument(QObject):
    """What `Objects` and `Question` use of a document; the test plays the workers.

    Attributes:
        asked: (lane, request) of everything asked.
        withdrawn: lanes that were withdrawn.
    """

    current_changed = Signal(object)
    picture_changed = Signal(object)
    detector_changed = Signal(object)
    trace_changed = Signal(object)
    state_changed = Signal(object)
    answered = Signal(object, object)
    unanswered = Signal(object, object)

    def __init__(self, *pictures: str) -> None:
        super().__init__()
        self.pictures, self.index = pictures, -1
        self.picture: PictureView | None = None
        self.trace: TraceView | None = None
        self.detector: DetectorInfo | None = None
        self.run_state = RunState()
        self.session = object()
        self.asked: list[tuple[str, Any]] = []
        self.withdrawn: list[str] = []

    @property
    def path(self) -> str | None:
        return self.pictures[self.index] if 0 <= self.index < len(self.pictures) else None

    # -- what the view-models do ------------------------------------------------------------------------------------

    def ask(self, lane: str, request: Any) -> None:
        self.asked.append((lane, request))

    ask_files = ask

    def withdraw(self, lane: str) -> None:
        self.withdrawn.append(lane)

    def step(self, by: int) -> None:
        self.select((self.index + by) % len(self.pictures))

    # -- what the workers do ----------------------------------------------------------------------------------------

    def select(self, index: int) -> None:
        self.index = index
        self.current_changed.emit(index)
        self.set_state("running")

    def read(self) -> None:
        """The current picture is read."""
        assert self.path is not None
        pixels = np.zeros((*anchor_fakes.SIZE, 3), np.uint8)
        self.picture = PictureView(self.path, Picture(pixels, self.path), (pixels,))
        if self.trace is not None and self.trace.path != self.path:
            self.trace = None
            self.trace_changed.emit(None)
        self.picture_changed.emit(self.picture)

    def fail_to_read(self) -> None:
        """The current picture cannot be read."""
        self.picture = self.trace = None
        self.picture_changed.emit(None)
        self.trace_changed.emit(None)
        self.set_state("failed")

    def run(self, boxes: Boxes, labels: list[int] | None = None, key: str = "") -> None:
        """The detector found these boxes, with falling scores."""
        assert self.path is not None
        count = len(boxes)
        found = Detections(
            np.array(boxes, np.float32).reshape(-1, 4),
            np.linspace(0.9, 0.5, count, dtype=np.float32),
            np.array(labels or [1] * count, np.int64),
            np.full(count, -1, np.int32),
        )
        self.trace = anchor_fakes.trace(key or f"run of {self.path}", path=self.path, detections=found)
        self.trace_changed.emit(self.trace)
        self.set_state("ready")

    def open_detector(self) -> None:
        self.detector = DetectorInfo("demo", SPEC, anchor_fakes.trace().graph, "cpu", ("cpu",), 1)
        self.detector_changed.emit(self.detector)

    def found(self, annotations: FakeAnnotations | None, named: bool = False, problems: tuple[str, ...] = ()) -> None:
        self.answered.emit("annotations", OpenedAnnotations(annotations, problems, named))  # type: ignore[arg-type]

    def fail(self, lane: str, title: str) -> None:
        self.unanswered.emit(lane, Failure(title, "details", "user"))

    def set_state(self, kind: str) -> None:
        self.run_state = RunState(kind)
        self.state_changed.emit(self.run_state)

    def requests(self, lane: str) -> list[Any]:
        """What was asked on a lane."""
        return [request for name, request in self.asked if name == lane]
