"""A document without workers, a question and made-up answers, for the tests of what-ifs and curves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from fpn_viewer.core.analysis.curves import Curve, Points
from fpn_viewer.core.analysis.line import LifeLine, Remedy, Sizes
from fpn_viewer.core.demo.recipe import SPEC
from fpn_viewer.core.structures import Detections
from fpn_viewer.engine.jobs import Failure
from fpn_viewer.engine.object_values import REMEDY_ROUNDS, Asked, Change, CurveFound, Explained, RemediesFound, WhatIfAnswer
from fpn_viewer.engine.values import DetectorInfo
from fpn_viewer.viewmodels.observable import Observable
from fpn_viewer.viewmodels.question import QuestionState
from fpn_viewer.viewmodels.what_if import WhatIf
from tests.gui import anchor_fakes
from tests.gui.panel_fakes import graph

if TYPE_CHECKING:
    from fpn_viewer.core.detectors.spec import DetectorSpec
    from fpn_viewer.engine.values import TraceView

BOX = (60.0, 10.0, 80.0, 30.0)
ASKED = Asked(BOX, 1, 0.5)
TERM = ("M3", "top-down")
NMS = Remedy("rpn_nms_thresh", 0.78, 0.7, "found; two other boxes more", 0.62, 0.71, gained=2, lost=1, false_positives=1)
CUT = Remedy("gain", (*TERM, 1.0), 0.0, "found", 0.8, 0.9)
TRAIN = Remedy("anchor_sizes", ((8,), (16,), (32,)), ((16,), (32,), (64,)), "8 px anchors would reach it", retrain=True)


class FakeDocument(QObject):
    """The part of `Document` that what-ifs use.

    Attributes:
        asked: (lane, request) in order.
        withdrawn: lanes in order.
        applied: changes in order.
    """

    detector_changed = Signal(object)
    trace_changed = Signal(object)
    change_applied = Signal(object)
    answered = Signal(object, object)
    unanswered = Signal(object, object)
    asked_progress = Signal(object, object, object)

    def __init__(self) -> None:
        super().__init__()
        self.session: Any = "session"
        self.detector: DetectorInfo | None = None
        self.trace: TraceView | None = None
        self.asked: list[tuple[str, Any]] = []
        self.withdrawn: list[str] = []
        self.applied: list[Change] = []

    def ask(self, lane: str, request: Any) -> None:
        self.asked.append((lane, request))

    def withdraw(self, lane: str) -> None:
        self.withdrawn.append(lane)

    def apply(self, change: Change) -> None:
        if change != (self.applied[-1] if self.applied else Change()):
            self.applied.append(change)
            self.change_applied.emit(change)

    def lanes(self) -> list[str]:
        """Lanes asked on, in order."""
        return [lane for lane, _ in self.asked]


class FakeQuestion(Observable[QuestionState]):
    """A question that the test answers."""

    def __init__(self) -> None:
        super().__init__(QuestionState())


class Desk:
    """The real view-model between a fake document and a fake question."""

    def __init__(self) -> None:
        self.document, self.question = FakeDocument(), FakeQuestion()
        self.what_if = WhatIf(self.document, self.question)  # type: ignore[arg-type]

    def open(self, spec: DetectorSpec = SPEC) -> None:
        """Opens a detector and finishes a run."""
        self.document.detector = DetectorInfo("demo", spec, graph(), "cpu", ("cpu",), 1)
        self.document.detector_changed.emit(self.document.detector)
        self.run("trace 1")

    def run(self, key: str) -> None:
        """Finishes a run."""
        self.document.trace = anchor_fakes.trace(key, graph=graph())
        self.document.trace_changed.emit(self.document.trace)

    def explain(self, asked: Asked | None = ASKED, found: bool = False, **changes: Any) -> None:
        """Asks about an object and answers with its line, in the order in which the program does."""
        if asked != self.question.state.asked:
            self.question.update(asked=asked, line=None, trouble="")
        if asked is not None and self.document.trace is not None:
            answer = Explained(self.document.trace.key, asked, line(found, **changes))
            self.question.update(line=answer.line)
            self.document.answered.emit("explain", answer)

    def answer(self, found: bool = True, **changes: Any) -> None:
        """Answers the newest what-if."""
        request = next(request for lane, request in reversed(self.document.asked) if lane == "what_if")
        made = WhatIfAnswer(request.key, request.asked, request.change, line(found), detections(found), "heads", 0.012)
        self.document.answered.emit("what_if", replace(made, **changes))

    def find(self, *remedies: Remedy, round: int = len(REMEDY_ROUNDS) - 1) -> None:
        """Ends a round of the search for remedies, the last one by default."""
        self.document.answered.emit("remedies", RemediesFound("trace 1", ASKED, remedies, round))

    def sweep(self, found: Curve, term: tuple[str, str] | None = None, key: str = "trace 1") -> None:
        """Ends a sweep."""
        self.document.answered.emit("sweep", CurveFound(key, ASKED, term, found))

    def fail(self, lane: str, sentence: str = "The trace is gone; run the picture again.") -> None:
        """Fails on a lane."""
        self.document.unanswered.emit(lane, Failure(sentence, "details", "user"))


def detections(found: bool) -> Detections:
    """The trace's own without its last one and with one more elsewhere, and the object's own when it is found."""
    before = anchor_fakes.detections()
    own = np.array([[62, 10, 80, 30]] * found, np.float32).reshape(-1, 4)
    boxes = np.concatenate([before.boxes_img[:2] + 0.25, own, np.array([[0, 50, 9, 60]], np.float32)])
    scores = np.linspace(0.9, 0.3, len(boxes), dtype=np.float32)
    labels = np.array([1, 2, *[1] * found, 3])
    return Detections(boxes, scores, labels, np.full(len(boxes), -1, np.int32))


def line(found: bool, killer: str = "rpn_nms", **changes: Any) -> LifeLine:
    """A life line; when found, the object is the third detection."""
    made = LifeLine(
        box_img=BOX,
        label=1,
        label_name="car",
        iou=0.5,
        stages=(),
        killer=None if found else killer,
        outcome="detected" if found else "suppressed",
        verdict="It is found." if found else "A neighbour removed it.",
        suppressor=None,
        rival=None,
        detection=2 if found else None,
        sizes=Sizes((20.0, 20.0), (20.0, 20.0), {}, "small", "small", "P2", None, ""),
        training=None,
        mechanism="",
        tide="",
    )
    return replace(made, **changes)


def curve(title: str = "size in the network", kind: str = "scale", unit: str = "net px", here: float = 20.0) -> Curve:
    """Seen from 16 on."""
    x = np.array([4, 8, 16, 32, 64], np.float32) if kind == "scale" else np.array([0, 0.5, 1, 1.5, 2], np.float32)
    points = Points(
        x,
        np.array([0.01, 0.2, 0.6, 0.9, 0.95], np.float32),
        np.array([0.1, 0.45, 0.7, 0.8, 0.85], np.float32),
        np.array([0.0, 0.0, 0.4, 0.8, 0.9], np.float32),
        np.array([False, False, True, True, True]),
    )
    return Curve(kind, title, unit, points, here, "This detector starts to see this object at 16 px.")
