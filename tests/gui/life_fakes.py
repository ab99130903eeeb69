"""Life lines made by hand, one for each way to lose an object, and a document, objects and a question without workers."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from fpn_viewer.core.analysis.line import Erasure, LifeLine, Sizes, Stage, Suppressor, Training
from fpn_viewer.core.demo.recipe import SPEC
from fpn_viewer.core.images import Picture
from fpn_viewer.core.structures import DENSE_STAGES, STAGES
from fpn_viewer.engine.object_values import Asked
from fpn_viewer.engine.values import DetectorInfo, PictureView
from fpn_viewer.viewmodels.objects import ObjectRow, ObjectsState
from fpn_viewer.viewmodels.observable import Observable
from fpn_viewer.viewmodels.question import QuestionState
from fpn_viewer.viewmodels.states import RunState
from tests.gui import anchor_fakes

if TYPE_CHECKING:
    from fpn_viewer.engine.values import TraceView

BOX = (20.0, 12.0, 34.0, 24.0)
ASKED = Asked(BOX, 1, 0.5, (), 0)
CAR = SPEC.class_names[1]

#: name to (value, limit, unit, sentence) of a stage that the object passed
_PASSED: dict[str, tuple[float | None, float | None, str, str]] = {
    "resize": (8.01, None, "px", "12 px become 8 px before the network sees them."),
    "anchors": (0.312, None, "IoU", "The best anchor overlaps it by 0.312."),
    "rpn_regression": (0.744, 0.5, "IoU", "The RPN moved 7 boxes onto it."),
    "rpn_top_k": (42, 1000, "rank", "Its best box was number 42 of 1,000 on P2."),
    "rpn_min_size": (6.3, 0.001, "px", "Its boxes are large enough."),
    "rpn_score": (0.31, 0.0, "score", "No limit is set."),
    "rpn_nms": (0.412, 0.7, "IoU", "No better neighbour overlapped it too much."),
    "rpn_cap": (517, 1000, "rank", "Its best box was number 517 of 1,000 proposals."),
    "box_regression": (0.688, 0.5, "IoU", "The box head kept its box on it."),
    "class_score": (0.43, 0.05, "score", "Its class got 0.430."),
    "top_k": (88, 1000, "rank", "Number 88 of 1,000 on P3."),
    "min_size": (9.4, 0.01, "px", "Its box is large enough."),
    "nms": (0.2, 0.5, "IoU", "No better detection of its class overlapped it too much."),
    "cap": (3, 100, "rank", "Number 3 of 100 detections."),
    "detected": (0.688, 0.5, "IoU", "A detection overlaps it by 0.688."),
}
#: the same for the stage that lost it: value, limit, sentence
_LOST: dict[str, tuple[float, float, str]] = {
    "rpn_regression": (0.31, 0.5, "No box of the RPN overlaps it by 0.5; the best reaches 0.310."),
    "rpn_top_k": (1342, 1000, "Its best box was number 1,342 on P2, and only the best 1,000 of each level go on."),
    "rpn_min_size": (0.0005, 0.001, "Nothing of its box is left inside the picture."),
    "rpn_score": (0.012, 0.05, "Its objectness of 0.012 is below the limit of 0.05."),
    "rpn_nms": (0.71, 0.7, "A better box overlaps its best one by 0.710, and 0.700 is allowed."),
    "rpn_cap": (1001, 1000, "It came one place too late: 1,001 of 1,000 proposals."),
    "box_regression": (0.44, 0.5, "The box head moved its box away: IoU 0.440."),
    "class_score": (0.047, 0.05, "Its class got 0.047, and more than 0.05 is asked."),
    "top_k": (1200, 1000, "Number 1,200 on P3."),
    "min_size": (0.005, 0.01, "Nothing of its box is left inside the picture."),
    "nms": (0.74, 0.5, "A better detection of its class overlaps its box by 0.740, and 0.500 is allowed."),
    "cap": (104, 100, "It came as number 104, and 100 detections are kept."),
    "detected": (0.49, 0.5, "The detection overlaps it by 0.490 only."),
}
OUTCOME = {
    "rpn_regression": "never proposed",
    "rpn_top_k": "capped",
    "rpn_min_size": "never proposed",
    "rpn_score": "never proposed",
    "rpn_nms": "suppressed",
    "rpn_cap": "capped",
    "box_regression": "badly placed",
    "class_score": "background",
    "top_k": "capped",
    "min_size": "badly placed",
    "nms": "suppressed",
    "cap": "capped",
    "detected": "badly placed",
}
SIZES = Sizes(
    (12.0, 14.0),
    (8.01, 9.34),
    {"P2": (2.0, 2.34), "P3": (1.0, 1.17), "P4": (0.5, 0.58), "P5": (0.25, 0.29)},
    "small",
    "small",
    "P2",
    Erasure(12.3, 21.4, 0.43),
    "At 8 × 9 px it is narrower than the smallest anchor.",
)
TRAINING = Training(
    0.312, "P2", BOX, "ignored", True, 12, None, 3.21, 128, "It is trained only through the low-quality rule, with 12 anchors."
)


def life_line(killer: str | None = "rpn_top_k", dense: bool = False, **changes: Any) -> LifeLine:
    """A life line that ends at a stage, or at a detection."""
    names = DENSE_STAGES if dense else STAGES
    end = names.index(killer) if killer is not None else len(names)
    stages = tuple(_stage(name, place, end) for place, name in enumerate(names))
    sentence = f"Lost at {killer}: {_LOST[killer][2]}" if killer else "Found: a detection of its class overlaps it by 0.688."
    label = 1 if killer == "nms" else None
    by = Suppressor(killer, (18, 10, 33, 23), 0.912, label, 0.74, 0.12, "P3", (12, 40)) if killer in _NMS else None
    line = LifeLine(
        *(BOX, 1, CAR, 0.5, stages, killer),
        outcome=OUTCOME[killer] if killer else "detected",
        verdict=sentence,
        suppressor=by,
        rival=None,
        detection=None if killer else 0,
        sizes=SIZES,
        training=TRAINING,
        mechanism="proposal process" if killer else "",
        tide="Miss" if killer else "",
    )
    return dataclasses.replace(line, **changes)


_NMS = ("rpn_nms", "nms")


def _stage(name: str, place: int, end: int) -> Stage:
    value, limit, unit, sentence = _PASSED[name]
    left = max(1, 214 - 16 * place)
    levels = {"P2": left - left // 4, "P3": left // 4, "P4": 0}
    if place < end:
        state = "info" if name in ("resize", "anchors") else "passed"
        return Stage(name, state, left, 0.74, value, limit, _margin(value, limit, False), unit, sentence, BOX, levels)
    nothing = dict.fromkeys(levels, 0)
    if place > end:
        return Stage(name, "after", 0, 0.0, None, limit, None, unit, "Nothing of it came here.", None, nothing)
    value, limit, sentence = _LOST[name]
    return Stage(name, "killer", 0, 0.69, value, limit, _margin(value, limit, True), unit, sentence, BOX, nothing)


def _margin(value: float | None, limit: float | None, lost: bool) -> float | None:
    if value is None or limit is None:
        return None
    return -abs(value - limit) if lost else abs(value - limit)


def unknown_line() -> LifeLine:
    """A detector that selects in a way of its own from the RPN's NMS on."""
    line = life_line(None)
    at = STAGES.index("rpn_nms")
    blank = {"state": "unknown", "value": None, "limit": None, "margin": None, "sentence": "Not known."}
    stages = tuple(stage if n < at else dataclasses.replace(stage, **blank) for n, stage in enumerate(line.stages))
    why = "This detector selects in a way of its own from rpn_nms on, which cannot be followed."
    return dataclasses.replace(line, stages=stages, outcome="unknown", verdict=why)


def picture() -> PictureView:
    """A picture of 64 × 96 px: the object is white on a ramp."""
    pixels = np.zeros((*anchor_fakes.SIZE, 3), np.uint8)
    pixels[..., 2] = np.linspace(40, 200, anchor_fakes.SIZE[1])
    pixels[12:24, 20:34] = 255
    return PictureView("scene.png", Picture(pixels, "scene.png"), (pixels,))


def trace(key: str = "trace", **changes: Any) -> TraceView:
    """A run over that picture."""
    return anchor_fakes.trace(key, **{"path": "scene.png", **changes})


class FakeDocument(QObject):
    """The part of `Document` that the panels use."""

    picture_changed = Signal(object)
    detector_changed = Signal(object)
    trace_changed = Signal(object)
    state_changed = Signal(object)
    answered = Signal(object, object)
    unanswered = Signal(object, object)
    asked_progress = Signal(object, object, object)

    def __init__(self) -> None:
        super().__init__()
        self.path: str | None = None
        self.picture: PictureView | None = None
        self.trace: TraceView | None = None
        self.detector: DetectorInfo | None = None
        self.run_state = RunState()

    def open_detector(self) -> None:
        self.detector = DetectorInfo("demo", SPEC, anchor_fakes.trace().graph, "cpu", ("cpu",), 1000)
        self.detector_changed.emit(self.detector)

    def show_picture(self, view: PictureView | None = None) -> None:
        self.picture = view or picture()
        self.path = self.picture.path
        self.picture_changed.emit(self.picture)

    def show_trace(self, view: TraceView | None) -> None:
        self.trace = view
        self.trace_changed.emit(view)

    def set_state(self, kind: str) -> None:
        self.run_state = RunState(kind)
        self.state_changed.emit(self.run_state)


class FakeObjects(Observable[ObjectsState]):
    """Objects that a test sets; notes what is asked of it."""

    def __init__(self) -> None:
        super().__init__(ObjectsState())
        self.closed = 0
        self.overlaps: list[float] = []

    def select(self, row: int | None) -> None:
        self.update(current=row)

    def set_iou(self, iou: float) -> None:
        self.overlaps.append(iou)
        self.update(iou=iou)

    def close(self) -> None:
        self.closed += 1


class FakeQuestion(Observable[QuestionState]):
    """A question that a test answers; notes what is asked of it."""

    def __init__(self) -> None:
        super().__init__(QuestionState())
        self.looked: list[str] = []
        self.labels: list[int | None] = []

    def look_at(self, stage: str) -> None:
        self.looked.append(stage)
        self.update(stage=stage)

    def set_label(self, label: int | None) -> None:
        self.labels.append(label)
        if self.state.asked is not None:
            self.update(asked=dataclasses.replace(self.state.asked, label=label), line=None)


def object_rows(*outcomes: str, **values: Any) -> tuple[ObjectRow, ...]:
    """One annotated object for each outcome, of the detector's classes in turn."""
    names = SPEC.class_names[1:]
    rows = []
    for index, outcome in enumerate(outcomes):
        found = outcome == "found"
        row = ObjectRow(
            index,
            (8.0 * index, 4.0, 8.0 * index + 6.0, 16.0),
            names[index % len(names)],
            1 + index % len(names),
            outcome,
            index if found else -1,
            0.744 if found else 0.0,
            0.912 if found else 0.0,
            "no width" if outcome == "flawed" else "",
        )
        rows.append(dataclasses.replace(row, **values))
    return tuple(rows)
