"""The tab "Compare" over hand-made answers: a stand-in for the view-model, values for it, and what tests measure."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from PySide6.QtCore import QCoreApplication, QEvent, QPoint

from fpn_viewer.core.comparison.values import DetectionPair, Ended, NodeDifference, ObjectPair, ObjectRow, WeightChange
from fpn_viewer.core.geometry import Geometry
from fpn_viewer.core.structures import Detections, StageTime
from fpn_viewer.engine.compare_values import (
    ComparedNodes,
    ComparedObjects,
    ComparedPoint,
    ComparedWeights,
    ComparePlanes,
    CompareView,
    SideView,
    Subject,
)
from fpn_viewer.engine.values import DetectorInfo, Plane
from fpn_viewer.ui.compare.tab import CompareTab
from fpn_viewer.viewmodels.comparison_state import ComparisonState
from fpn_viewer.viewmodels.display import Display
from fpn_viewer.viewmodels.observable import Observable
from fpn_viewer.viewmodels.selection import Selection
from fpn_viewer.viewmodels.viewport import Viewport
from tests.gui import anchor_fakes, object_bench
from tests.gui.life_fakes import life_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot

    from fpn_viewer.core.geometry import Box
    from fpn_viewer.ui.compare.body import CompareBody
    from fpn_viewer.ui.compare.pane import ComparePane

SIZE = anchor_fakes.SIZE
SPEC = dataclasses.replace(anchor_fakes.SPEC, name="demo")
#: places of the annotated objects, by number
BOXES: tuple[Box, ...] = ((4, 4, 28, 18), (50, 30, 64, 39), (70, 6, 90, 20), (8, 44, 24, 58))
LINES = (
    ObjectPair(0, "car", BOXES[0], "both", life_line(None, detection=0), life_line(None, detection=0), "", "Both found it."),
    ObjectPair(1, "car", BOXES[1], "only A", life_line(None, detection=1), life_line("rpn_top_k"), "rpn_top_k", "B lost it."),
    ObjectPair(2, "boat", BOXES[2], "only B", life_line("nms"), life_line(None, detection=1), "nms", "A lost it."),
    ObjectPair(3, "tree", BOXES[3], "neither", life_line("rpn_top_k"), life_line("rpn_top_k"), "", "Both lost it."),
)


def in_short(pair: ObjectPair) -> ObjectRow:
    """What is known of an object before its stages are."""
    lines = pair.line_a, pair.line_b
    a, b = (None if line is None else Ended(line.killer, line.outcome, line.verdict) for line in lines)
    found_a, found_b = (None if line is None else line.detection for line in lines)
    known = (pair.number, pair.name, pair.box_img, pair.status, (found_a, found_b))
    return ObjectRow(*known, True, a, b, pair.differs_at, pair.sentence)


OBJECTS = tuple(in_short(pair) for pair in LINES)
#: before any of them was followed
UNFOLLOWED = tuple(ObjectRow(row.number, row.name, row.box_img, row.status, row.detections, False) for row in OBJECTS)
#: detections: the same car in both, one car only in A, one boat only in B, a car that only A has where nothing is
PAIRS = (
    DetectionPair("same", 0, 0, 0.97, 0.9, 0.9),
    DetectionPair("only A", 1, None, 0.0, 0.8, None),
    DetectionPair("only B", None, 1, 0.0, None, 0.7),
    DetectionPair("only A", 2, None, 0.0, 0.3, None),
)
STRAY: Box = (30, 44, 48, 60)


def info(name: str = "demo", untrained: bool = False, **options: Any) -> DetectorInfo:
    """A detector as the worker tells of it, opened with some settings."""
    settings = dataclasses.replace(SPEC.settings, **options)
    spec = dataclasses.replace(SPEC, name=name, weights="random" if untrained else "trained", settings=settings)
    return DetectorInfo(name, spec, object_bench.GRAPH, "cpu", ("cpu",), 1234, options)


def _found(boxes: list[Box], scores: list[float], labels: list[int]) -> Detections:
    rows = np.full(len(boxes), -1, np.int32)
    return Detections(np.array(boxes, np.float32), np.array(scores, np.float32), np.array(labels), rows)


def side(letter: str, name: str, found: Detections) -> SideView:
    """One side that ran."""
    nodes = {node.name: 4 for node in object_bench.GRAPH.nodes}
    times = (StageTime("backbone", 0.02), StageTime("neck", 0.01))
    spec = dataclasses.replace(SPEC, name=name)
    return SideView(letter, name, spec, spec.settings, Geometry(SIZE, SIZE, SIZE), anchor_fakes.LEVELS, nodes, found, times=times)


def view(**changes: Any) -> CompareView:
    """Both sides."""
    a = side("A", "demo", _found([BOXES[0], BOXES[1], STRAY], [0.9, 0.8, 0.3], [1, 1, 1]))
    b = side("B", "demo-early", _found([BOXES[0], BOXES[2]], [0.9, 0.7], [1, 2]))
    nodes = tuple(node.name for node in object_bench.GRAPH.nodes)
    made = CompareView("pair", "black.png", SIZE, a, b, nodes, PAIRS, ("The backbone ran once.",))
    return dataclasses.replace(made, **changes)


def plane(title: str, value: int, signed: bool = False) -> Plane:
    """A map of one value."""
    low = -2.0 if signed else 0.0
    return Plane(("P2", "output"), title, np.full((16, 24), value, np.uint8), low, 2.0, signed, title, (0, 0, 96, 64))


def planes(**changes: Any) -> ComparePlanes:
    """P2 of both: low in A, high in B."""
    a, b, less = plane("P2 of A", 0), plane("P2 of B", 255), plane("B − A", 255, signed=True)
    return dataclasses.replace(ComparePlanes("pair", "P2", "mean_abs", 0, 0, "", a, b, less), **changes)


def nodes() -> ComparedNodes:
    """Two maps; they part at P2."""
    rows = (
        NodeDifference("C2", "P2", (16, 24), (16, 24), 4, 4, "by index", False, 1.0, 1.0, 0.0, 0.0),
        NodeDifference("P2", "P2", (16, 24), (16, 24), 4, 4, "by index", False, 0.8, 0.9, 0.5, 3.0),
        NodeDifference("P3", "P3", (8, 12), (4, 6), 4, 8, "", True, 0.7, None, None, None),
    )
    return ComparedNodes("pair", rows, "P2", 0.001, "P2 is the first map that differs.")


def weights() -> ComparedWeights:
    """The head was trained."""
    rows = (
        WeightChange("backbone.conv", 100, 0.0),
        WeightChange("head.fc", 20, 0.25),
        WeightChange("head.new", 5, None, "only in B"),
    )
    return ComparedWeights("demo", "demo-early", rows, "Only the head was trained.")


def point() -> ComparedPoint:
    """Under (10, 12)."""
    return ComparedPoint("pair", (10.0, 12.0), (("P2", 0.5, 0.75), ("P3", 1.0, None)))


class FakeComparison(Observable[ComparisonState]):
    """Takes orders and notes them."""

    def __init__(self) -> None:
        super().__init__(ComparisonState(infos=(info(),)))
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        # Qt asks for names of its own while the object is made
        if name.startswith("_") or name not in _ORDERS:
            raise AttributeError(name)
        return lambda *values, **options: self.calls.append((name, *values, *options.values()))

    def set_active(self, active: bool) -> None:
        self.calls.append(("set_active", active))
        self.update(active=active)

    def set_layout(self, layout: str) -> None:
        self.update(layout=layout)

    def set_wiper(self, at: float) -> None:
        self.update(wiper=min(1.0, max(0.0, at)))

    def select_object(self, number: int | None) -> None:
        self.update(object=number, lines=None if number is None else LINES[number])

    def set_node(self, node: str) -> None:
        self.update(node=node)


_ORDERS = frozenset(
    {
        "add",
        "add_subject",
        "remove",
        "set_subject",
        "choose",
        "swap",
        "cancel",
        "step_node",
        "step_channel",
        "step_object",
        "probe",
        "need_weights",
    }
)


@dataclass
class Bench:
    """The tab on the screen over a stand-in."""

    tab: CompareTab
    comparison: FakeComparison
    models: Any
    bot: QtBot

    @property
    def body(self) -> CompareBody:
        assert self.tab.body is not None
        return self.tab.body

    def pane(self, part: str) -> ComparePane:
        return self.body.board.panels[part].pane

    def give(self, **changes: Any) -> None:
        """Two sides that ran."""
        self.models.document.show_picture(anchor_fakes.black())
        self.models.viewport.set_image(SIZE)
        self.comparison.update(
            **{
                "subjects": (Subject(), Subject("demo-early")),
                "infos": (info(), info("demo-early")),
                "shown": (0, 1),
                "view": view(),
                "planes": planes(),
                "nodes": nodes(),
                "objects": ComparedObjects("pair", OBJECTS, True),
                "node": "P2",
                **changes,
            },
        )
        self.models.display.update(opacity=1.0)
        self.settle()

    def settle(self) -> None:
        self.bot.waitUntil(lambda: not any(self.pane(part).moving for part in self.body.board.parts))

    def pixels(self, part: str) -> NDArray[np.uint32]:
        """A pane's layers (h, w) as 0xAARRGGBB."""
        from tests.gui.anchor_bench import argb

        return cast("NDArray[np.uint32]", argb(self.pane(part).compose(1.0)))

    def place(self, part: str, x_img: float, y_img: float) -> QPoint:
        """Where an image point lies in a pane."""
        frame = self.pane(part).frame()
        return QPoint(round(x_img * frame.scale + frame.offset[0]), round(y_img * frame.scale + frame.offset[1]))


def open_bench(qtbot: QtBot, size: tuple[int, int] = (1000, 800)) -> Iterator[Bench]:
    """The tab on the screen; closed afterwards."""
    comparison = FakeComparison()
    models = SimpleNamespace(
        document=anchor_fakes.FakeDocument(),
        display=Display(),
        selection=Selection(),
        viewport=Viewport(),
        objects=object_bench.FakeObjects(),
        comparison=comparison,
    )
    tab = CompareTab(cast("Any", models))
    tab.resize(*size)
    tab.show()
    qtbot.waitExposed(tab)
    yield Bench(tab, comparison, models, qtbot)
    tab.close()
    tab.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
