"""A grid with its view-models, a document without workers, and what the canvas tests measure with."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QImage, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication

from fpn_viewer.core.geometry import Geometry, Level
from fpn_viewer.core.necks.graph import Graph, Node, Op, Term
from fpn_viewer.core.structures import Detections
from fpn_viewer.engine.values import SHARE, PictureView, Plane, Planes
from fpn_viewer.ui.canvas.pyramid_grid import PyramidGrid
from fpn_viewer.viewmodels.display import Display
from fpn_viewer.viewmodels.selection import Selection
from fpn_viewer.viewmodels.states import RunState
from fpn_viewer.viewmodels.viewport import Viewport

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PySide6.QtCore import QPointF
    from pytestqt.qtbot import QtBot

    from fpn_viewer.ui.canvas.map_cell import MapCell

H, W = 70, 101
GEOMETRY = Geometry((H, W), (96, 138), (96, 160))
LEVELS = (Level("P2", (4, 4), (24, 40)), Level("P3", (8, 8), (12, 20)), Level("P4", (16, 16), (6, 10)))


def _graph() -> Graph:
    def level(n: int, top: bool) -> list[Node]:
        terms = [Term("lateral", f"L{n}"), *([Term("top-down", f"T{n}")] if top else [])]
        down = [Node(f"T{n}", "top-down", f"P{n}", (Term("top-down", f"M{n + 1}", Op("nearest", label="nearest upsample")),))]
        return [
            Node(f"L{n}", "lateral", f"P{n}", (Term("lateral", f"C{n}", Op("module", label="1×1 conv")),)),
            *(down if top else []),
            Node(f"M{n}", "merged", f"P{n}", tuple(terms)),
            Node(f"P{n}", "output", f"P{n}", (Term("smoothing", f"M{n}", Op("module", label="3×3 conv")),)),
        ]

    backbone = [Node("C2", "backbone", "P2"), Node("C3", "backbone", "P3")]
    extra = Node("P4", "output", "P4", (Term("subsample", "P3", Op("subsample", factor=2, label="every 2nd cell")),))
    return Graph("FPN", ("P2", "P3", "P4"), (*backbone, *level(3, False), *level(2, True), extra))


GRAPH = _graph()
CELLS = [(n.level, n.role) for n in GRAPH.nodes] + [("P2", SHARE)]


class FakeDocument(QObject):
    """The document's signals and what it was asked, without workers."""

    picture_changed, detector_changed, trace_changed = Signal(object), Signal(object), Signal(object)
    planes_changed, plane_changed, probe_changed, state_changed = Signal(object), Signal(object), Signal(object), Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.picture: Any = None
        self.detector: Any = None
        self.trace: Any = None
        self.planes: Any = None
        self.run_state = RunState()
        self.probed: list[object] = []
        self.enlarged: list[object] = []

    def probe(self, point: object) -> None:
        self.probed.append(point)

    def enlarge(self, cell: object) -> None:
        self.enlarged.append(cell)

    def show(self, what: str, value: object) -> None:
        setattr(self, "run_state" if what == "state" else what, value)
        getattr(self, f"{what}_changed").emit(value)


def picture(seed: int = 1) -> PictureView:
    pixels = np.random.default_rng(seed).integers(0, 256, (H, W, 3), dtype=np.uint8)
    return PictureView("a.png", cast("Any", SimpleNamespace(size=(H, W), pixels=pixels)), (pixels,))


def plane(cell: tuple[str, str], values: NDArray[np.uint8] | None = None, **changes: Any) -> Plane:
    level = next(one for one in LEVELS if one.name == cell[0])
    rows, columns = GEOMETRY.visible_cells(level)
    values = np.zeros((rows, columns), np.uint8) if values is None else values
    x1, y1 = GEOMETRY.cell_box_img(level, rows - 1, columns - 1)[2:]
    made = Plane(cell, cell[1], values, 0.0, 4.25, cell[1] == SHARE, "mean |x| over channels", (0.0, 0.0, x1, y1))
    return replace(made, **changes)


def planes(**changes: Any) -> Planes:
    return replace(Planes("key", "mean_abs", 0, "cell", {cell: plane(cell) for cell in CELLS}), **changes)


def trace() -> Any:
    boxes = Detections(
        np.array([[10, 10, 60, 50]], np.float32), np.array([0.75], np.float32), np.array([1], np.int64), np.array([-1], np.int32)
    )
    spec = SimpleNamespace(untrained=False, class_names=("background", "car"))
    channels = {n.name: 8 if n.role == "backbone" else 16 for n in GRAPH.nodes}
    return SimpleNamespace(graph=GRAPH, levels=LEVELS, geometry=GEOMETRY, spec=spec, channels=channels, detections=boxes)


class Bench:
    """A grid with its view-models."""

    def __init__(self, qtbot: QtBot, size: tuple[int, int] = (900, 640)) -> None:
        self.qtbot, self.document = qtbot, FakeDocument()
        self.display, self.selection, self.viewport = Display(), Selection(), Viewport()
        self.grid = PyramidGrid(cast("Any", self.document), self.display, self.selection, self.viewport)
        qtbot.addWidget(self.grid)
        self.grid.resize(*size)
        self.grid.show()

    def fill(self) -> Bench:
        self.document.show("picture", picture())
        self.document.show("detector", SimpleNamespace())
        self.document.show("trace", trace())
        self.document.show("planes", planes())
        self.document.show("state", RunState("ready"))
        self.display.update(channels=16)
        return self

    def cell(self, level: str = "P3", role: str = "merged") -> MapCell:
        return self.grid.board.cells[level, role]

    def show_plane(self, shown: Plane) -> None:
        """One plane changed among all."""
        now = cast("Planes", self.document.planes)
        self.document.show("planes", replace(now, planes={**now.planes, shown.cell: shown}))

    def map_pixels(self, cell: MapCell) -> NDArray[np.uint8]:
        """(h, w, 3) of the map's area as painted."""
        rect = cell.map_rect().toRect()
        return rgb(cell.grab(rect).toImage())

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        self.qtbot.keyClick(self.grid.active_cell(), key, modifiers)

    def mouse(self, cell: MapCell, kind: QEvent.Type, at: QPointF, button: Qt.MouseButton = Qt.MouseButton.LeftButton) -> None:
        held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else button
        pressed = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else button
        event = QMouseEvent(kind, at, cell.mapToGlobal(at), pressed, held, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(cell, event)

    def drag(self, cell: MapCell, start: QPointF, *stops: QPointF) -> None:
        self.mouse(cell, QEvent.Type.MouseButtonPress, start)
        for stop in stops:
            self.mouse(cell, QEvent.Type.MouseMove, stop)
        self.mouse(cell, QEvent.Type.MouseButtonRelease, stops[-1])

    def wheel(self, cell: MapCell, at: QPointF, delta: int, modifiers: Qt.KeyboardModifier) -> None:
        event = QWheelEvent(
            at,
            cell.mapToGlobal(at),
            QPoint(),
            QPoint(0, delta),
            Qt.MouseButton.NoButton,
            modifiers,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(cell, event)


def rgb(image: QImage) -> NDArray[np.uint8]:
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    words = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return words[:, : image.width(), 2::-1].copy()


def lit(pixels: NDArray[np.uint8], colour: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return cast("NDArray[np.bool_]", (pixels == colour).all(-1))


def expected_inside(bench: Bench, cell: MapCell, box: tuple[float, float, float, float], ratio: float = 1.0) -> NDArray[np.bool_]:
    """The pixels of a cell's map whose centres lie in a box of the picture, by the formula alone."""
    width, height = cell.view_size()
    scale, (dx, dy) = bench.viewport.scale((width, height)), bench.viewport.offset((width, height))
    x = ((np.arange(round(width * ratio)) + 0.5) / ratio - dx) / scale
    y = ((np.arange(round(height * ratio)) + 0.5) / ratio - dy) / scale
    inside_x = (x >= max(box[0], 0)) & (x < min(box[2], W))
    inside_y = (y >= max(box[1], 0)) & (y < min(box[3], H))
    return cast("NDArray[np.bool_]", inside_y[:, None] & inside_x[None])


HOT = (5, 7)


def hot_plane(cell: tuple[str, str] = ("P3", "merged"), at: tuple[int, int] = HOT) -> Plane:
    values = np.zeros_like(plane(cell).values)
    values[at] = 255
    return plane(cell, values)
