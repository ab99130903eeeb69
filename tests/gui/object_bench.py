"""The tab "Object" over hand-made answers, and what its tests measure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from PySide6.QtCore import QCoreApplication, QEvent, QPointF, Qt, Signal
from PySide6.QtWidgets import QLabel

from fpn_viewer.core.analysis.line import LifeLine, NearBoxes, Rival, Sizes, Stage, Suppressor
from fpn_viewer.core.analysis.signals import NodeSignal
from fpn_viewer.core.analysis.signals import Signal as ObjectSignal
from fpn_viewer.core.necks.graph import Graph, Node, Op, Term
from fpn_viewer.core.structures import Detections
from fpn_viewer.engine.object_values import Asked
from fpn_viewer.ui.objects.tab import ObjectTab
from fpn_viewer.viewmodels.display import Display
from fpn_viewer.viewmodels.objects import ObjectRow, ObjectsState
from fpn_viewer.viewmodels.observable import Observable
from fpn_viewer.viewmodels.question import QuestionState
from fpn_viewer.viewmodels.selection import Selection
from fpn_viewer.viewmodels.viewport import Viewport
from tests.gui import anchor_fakes
from tests.gui.anchor_bench import argb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

    from fpn_viewer.core.geometry import Box
    from fpn_viewer.engine.values import TraceView

ROWS = (
    ObjectRow(0, (4.0, 4.0, 28.0, 18.0), "car", 1, "found", 0, 0.8, 0.9),
    ObjectRow(1, (50.0, 30.0, 64.0, 39.0), "car", 1, "missed", killer="rpn_top_k", verdict="Ranked 1,342 of 1,000."),
    ObjectRow(2, (70.0, 6.0, 90.0, 20.0), "boat", 2, "wrong class", 1, 0.7, 0.6, killer="class_score"),
    ObjectRow(3, (8.0, 44.0, 24.0, 58.0), "tree", None, "unknown class"),
)
KINDS = ("match", "wrong class", "background", "duplicate")
GRAPH = Graph(
    "FPN",
    ("P2", "P3"),
    (
        Node("C2", "backbone", "P2"),
        Node("C3", "backbone", "P3"),
        Node("L3", "lateral", "P3", (Term("lateral", "C3", Op("module")),)),
        Node("M3", "merged", "P3", (Term("lateral", "L3"),)),
        Node("P3", "output", "P3", (Term("smoothing", "M3", Op("module")),)),
        Node("L2", "lateral", "P2", (Term("lateral", "C2", Op("module")),)),
        Node("T2", "top-down", "P2", (Term("top-down", "M3", Op("nearest")),)),
        Node("M2", "merged", "P2", (Term("lateral", "L2"), Term("top-down", "T2"))),
        Node("P2", "output", "P2", (Term("smoothing", "M2", Op("module")),)),
    ),
)


class FakeDocument(anchor_fakes.FakeDocument):
    """The document's part that the tab uses."""

    detector_changed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.detector: Any = None


class FakeObjects(Observable[ObjectsState]):
    """Annotated objects without a worker."""

    def __init__(self) -> None:
        super().__init__(ObjectsState())
        self.steps: list[int] = []

    def select(self, row: int | None) -> None:
        self.update(current=row)

    def step_missed(self, by: int) -> None:
        self.steps.append(by)


class FakeQuestion(Observable[QuestionState]):
    """A question nobody answers."""

    def __init__(self, objects: FakeObjects, selection: Selection) -> None:
        super().__init__(QuestionState())
        self.labels: list[int | None] = []
        self.channels: list[int | None] = []
        self.cleared = 0
        self._objects, self._selection = objects, selection
        objects.changed.connect(self._ask)
        selection.changed.connect(self._ask)

    def _ask(self, *_: object) -> None:
        row, box = self._objects.state.current, self._selection.state.box_img
        rows = self._objects.state.rows
        if row is not None and row < len(rows):
            self.update(asked=Asked(rows[row].box_img, rows[row].label, index=row))
        else:
            self.update(asked=None if box is None else Asked(box))

    def clear(self) -> None:
        self.cleared += 1
        self._selection.update(box_img=None)
        self._objects.select(None)

    def set_label(self, label: int | None) -> None:
        self.labels.append(label)

    def set_channel(self, channel: int | None) -> None:
        self.channels.append(channel)


def detections() -> Detections:
    """One that matches, and one of each kind that counts for nothing."""
    boxes = np.array([[3, 3, 29, 19], [69, 5, 91, 21], [34, 8, 46, 18], [6, 2, 30, 20]], np.float32)
    return Detections(boxes, np.array([0.9, 0.6, 0.4, 0.3], np.float32), np.array([1, 1, 2, 1]), np.full(4, -1, np.int32))


def trace(**changes: Any) -> TraceView:
    return anchor_fakes.trace(**{"graph": GRAPH, "detections": detections(), **changes})


def near(count: int = 3) -> NearBoxes:
    """Boxes around row 1, best first; every third survives; two thirds grew from P3."""
    steps = np.arange(count)
    shift = (steps % 40 * 0.5)[:, None] * np.array([1, 0.5, 1, 0.5])
    boxes = np.array([50.0, 30.0, 64.0, 39.0]) + shift - 2
    return NearBoxes(
        boxes.astype(np.float32),
        np.linspace(1.0, 0.1, count).astype(np.float32),
        steps % 3 == 0,
        (steps % 3 > 0).astype(np.int16),
        np.stack([4 + steps % 3, 6 + steps % 2], 1).astype(np.int32),
        np.full(count, 0.5, np.float32),
        np.zeros(count, np.int32),
    )


def line(**changes: Any) -> LifeLine:
    """Row 1: lost in the RPN's top-k."""
    stages = (
        Stage("anchors", "info", 4, 0.62, 0.62, 0.5, 0.12, "IoU", "Four anchors overlap it.", (48.0, 28.0, 66.0, 42.0)),
        Stage("rpn_top_k", "killer", 0, 0.61, 1342.0, 1000.0, -342.0, "rank", "Its best ranks 1,342.", (46.0, 28.0, 62.0, 41.0)),
    )
    sizes = Sizes((9.0, 14.0), (9.0, 14.0), {}, "small", "small", "P2", None, "Small.")
    made = LifeLine(
        box_img=ROWS[1].box_img,
        label=1,
        label_name="car",
        iou=0.5,
        stages=stages,
        killer="rpn_top_k",
        outcome="capped",
        verdict="Its best anchor ranked 1,342 where 1,000 are kept.",
        suppressor=Suppressor("rpn_nms", (44.0, 24.0, 70.0, 44.0), 0.93, None, 0.8, 0.4, "P3", (3, 6)),
        rival=Rival(2, (40.0, 26.0, 68.0, 46.0), 2, 0.71, 0.5, "other class"),
        detection=None,
        sizes=sizes,
        training=None,
        mechanism="proposal",
        tide="miss",
    )
    return replace(made, **changes)


def signal(**changes: Any) -> ObjectSignal:
    """Row 1 in the nine maps; it drowns in P3."""
    nodes = []
    for place, node in enumerate(GRAPH.nodes):
        crop = np.arange(24, dtype=np.float32).reshape(4, 6) * (1 + place)
        shares = {"lateral": 0.38, "top-down": 0.62} if node.name == "M2" else {}
        contrast = 0.4 if node.name == "P3" else 3.21
        nodes.append(
            NodeSignal(
                node.name,
                node.level,
                node.role,
                contrast,
                2.0,
                1.0,
                6,
                ((17, 4.2), (3, 2.1)),
                shares,
                crop,
                (40.0, 20.0, 76.0, 50.0),
            )
        )
    made = ObjectSignal(
        ROWS[1].box_img, (42.0, 22.0, 72.0, 47.0), tuple(nodes), None, "P3", "It stands out until M3 and drowns in P3."
    )
    return replace(made, **changes)


@dataclass
class Bench:
    """The tab over hand-made answers."""

    tab: ObjectTab
    document: FakeDocument
    display: Display
    selection: Selection
    viewport: Viewport
    objects: FakeObjects
    question: FakeQuestion
    bot: QtBot

    def give(self, **changes: Any) -> None:
        """A picture, its trace and its ground truth."""
        self.document.show_picture(anchor_fakes.black())
        self.viewport.set_image(anchor_fakes.SIZE)
        view = trace(**changes)
        self.document.detector = cast("Any", type("Info", (), {"spec": view.spec})())
        self.document.detector_changed.emit(self.document.detector)
        self.document.show_trace(view)
        self.objects.update(rows=ROWS, kinds=KINDS)
        self.document.set_state(kind="ready")
        self.settle()

    def ask(self, row: int = 1, **answers: Any) -> None:
        """Looks at an object and has it answered; the whole picture stays in view."""
        self.objects.select(row)
        self.question.update(**{"line": line(), "near": near(), "signal": signal(), "stage": "rpn_top_k", **answers})
        self.viewport.fit()
        self.settle()

    def pixels(self) -> np.ndarray:
        """The layers (h, w) as 0xAARRGGBB."""
        return argb(self.tab.view.compose(1.0))

    def place(self, x_img: float, y_img: float) -> QPointF:
        frame = self.tab.view.frame()
        return QPointF(x_img * frame.scale + frame.offset[0], y_img * frame.scale + frame.offset[1])

    def box_px(self, box_img: Box) -> tuple[slice, slice]:
        """Rows and columns of the view that a box covers."""
        first, last = self.place(*box_img[:2]), self.place(*box_img[2:])
        return slice(int(first.y()), int(last.y()) + 1), slice(int(first.x()), int(last.x()) + 1)

    def click(self, x_img: float, y_img: float) -> None:
        self.bot.mouseClick(self.tab.view, Qt.MouseButton.LeftButton, pos=self.place(x_img, y_img).toPoint())

    def settle(self) -> None:
        self.bot.waitUntil(lambda: not self.tab.view.moving)


def open_bench(qtbot: QtBot, size: tuple[int, int] = (1000, 900)) -> Iterator[Bench]:
    """The tab on the screen; closed afterwards."""
    document, display, selection, viewport, objects = FakeDocument(), Display(), Selection(), Viewport(), FakeObjects()
    question = FakeQuestion(objects, selection)
    models = cast("Any", (document, display, selection, viewport, objects, question))
    tab = ObjectTab(*models, QLabel("curves"))
    tab.resize(*size)
    tab.show()
    qtbot.waitExposed(tab)
    yield Bench(tab, document, display, selection, viewport, objects, question, qtbot)
    tab.close()
    tab.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
