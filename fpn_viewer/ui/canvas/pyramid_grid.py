"""The centre of the Pyramid tab: pages, board and controls, bound to the view-models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPalette
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from fpn_viewer.ui.canvas.board import Board
from fpn_viewer.ui.canvas.display_bar import DisplayBar
from fpn_viewer.ui.canvas.gestures import Gestures
from fpn_viewer.ui.canvas.pages import NoPicture, PlainPicture
from fpn_viewer.ui.canvas.painted import Target
from fpn_viewer.ui.canvas.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from PySide6.QtGui import QAction

    from fpn_viewer.engine.values import PictureView, Plane, Planes, Probe, TraceView
    from fpn_viewer.ui.canvas.map_cell import MapCell
    from fpn_viewer.viewmodels.display import Display, DisplayState
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.objects import Objects, ObjectsState
    from fpn_viewer.viewmodels.selection import Selection, SelectionState
    from fpn_viewer.viewmodels.states import RunState
    from fpn_viewer.viewmodels.viewport import Viewport

#: around a saved picture of the grid, px
PAPER_MARGIN = 8
#: kinds of `RunState` during which what is shown is about to be replaced
_REPLACING = frozenset({"loading", "opening", "running"})


class PyramidGrid(QWidget):
    """All maps of the pyramid over the picture.

    Attributes:
        board: the maps; its `cells` are by (level, role).
        plain: the page that shows the picture alone.
        bar: the controls under the maps.

    Signals:
        open_requested(): the user wants to open pictures.
    """

    open_requested = Signal()

    def __init__(
        self,
        document: Document,
        display: Display,
        selection: Selection,
        viewport: Viewport,
        parent: QWidget | None = None,
        *,
        objects: Objects | None = None,
    ) -> None:
        """Shows what the document shows, from now on.

        Args:
            document: picture, trace and planes.
            display: how maps are shown.
            selection: what is pointed at.
            viewport: pan and zoom.
            parent: the Qt parent.
            objects: annotated objects to draw; None where there are none.
        """
        super().__init__(parent)
        self._document = document
        self._scene = Scene(display, selection, viewport, self)
        gestures = Gestures(self._scene, document, self)
        self.board = Board(self._scene, gestures)
        self.plain = PlainPicture(self._scene, gestures)
        self._none = NoPicture()
        self._none.open_requested.connect(self.open_requested)
        self.bar = DisplayBar(display)
        self._make_layout()
        self._connect(document)
        self._picture_changed(document.picture)
        self._trace_changed(document.trace)
        self._planes_changed(document.planes)
        if objects is not None:
            objects.changed.connect(self._objects_changed)
            self._objects_changed(objects.state)

    def _make_layout(self) -> None:
        self._pages = QStackedWidget()
        for page in (self._none, self.plain, self.board):
            self._pages.addWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 4, 0)
        column.setSpacing(0)
        column.addWidget(self._pages, 1)
        column.addWidget(self.bar)

    def _connect(self, document: Document) -> None:
        document.picture_changed.connect(self._picture_changed)
        document.detector_changed.connect(self._turn_page)
        document.trace_changed.connect(self._trace_changed)
        document.planes_changed.connect(self._planes_changed)
        document.plane_changed.connect(self._plane_changed)
        document.probe_changed.connect(self._probe_changed)
        document.state_changed.connect(self._state_changed)
        self._scene.display.changed.connect(self._display_changed)
        self._scene.selection.changed.connect(self._selection_changed)
        self._scene.viewport.changed.connect(self._refresh)
        self._scene.marks_changed.connect(self._refresh)
        self.bar.fit_requested.connect(self.fit)
        self.bar.one_to_one_requested.connect(self.one_to_one)

    # -- what the window may ask for --------------------------------------------------------------------------------

    def fit(self) -> None:
        """The whole picture in every cell."""
        self._scene.viewport.fit()

    def one_to_one(self) -> None:
        """One picture px on one px of the screen, in the current cell."""
        cell = self.active_cell()
        self._scene.viewport.one_to_one(cell.view_size(), 1 / cell.devicePixelRatioF())

    def active_cell(self) -> MapCell:
        """The cell that keys act on: the current map, or the plain picture."""
        current = self.board.current_cell()
        return current if current is not None and self._pages.currentWidget() is self.board else self.plain.cell

    def key_target(self) -> tuple[QWidget, Iterable[QAction]]:
        """The cell that keys act on; it has all keys itself."""
        return self.active_cell(), ()

    def focus_map(self) -> None:
        """Gives the keyboard to the current cell."""
        self.active_cell().setFocus(Qt.FocusReason.OtherFocusReason)

    def render_image(self, scale: float = 1.0) -> QImage:
        """The grid, or the enlarged map with its strip, as a picture.

        Args:
            scale: px of the picture per px of the window; maps, lines and text are drawn at that size.

        Returns:
            The picture; a null one while no picture is open.
        """
        size = self._paper()
        if not self._scene.has_picture:
            return QImage()
        image = QImage(round(size.width() * scale), round(size.height() * scale), QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(scale)
        image.fill(self.palette().color(QPalette.ColorRole.Window))
        painter = QPainter(image)
        self._paint(painter, Target(scale))
        painter.end()
        return image

    def render_svg(self, path: str | Path, scale: float = 2.0) -> None:
        """Writes the grid, or the enlarged map, as SVG: text, lines and boxes as such, maps and picture as images.

        Args:
            path: the file.
            scale: px of the embedded images per px of the window.

        Raises:
            OSError: the file cannot be written.
        """
        size = self._paper()
        # opened here because the generator only prints a warning when it cannot
        with open(path, "wb"):
            pass
        # SVG 1.2 Tiny, the default, has no clipping: boxes would run over the neighbouring cells
        generator = QSvgGenerator(QSvgGenerator.SvgVersion.Svg11)
        generator.setFileName(str(path))
        generator.setSize(size)
        generator.setViewBox(QRect(QPoint(0, 0), size))
        generator.setResolution(self.logicalDpiX())
        generator.setTitle("Feature pyramid")
        painter = QPainter(generator)
        painter.fillRect(0, 0, size.width(), size.height(), self.palette().color(QPalette.ColorRole.Window))
        self._paint(painter, Target(scale, vector=True))
        painter.end()

    def _paper(self) -> QSize:
        # every page of the stack has the stack's size
        return self._pages.size() + QSize(2 * PAPER_MARGIN, 2 * PAPER_MARGIN)

    def _paint(self, painter: QPainter, target: Target) -> None:
        painter.translate(PAPER_MARGIN, PAPER_MARGIN)
        if self._pages.currentWidget() is self.board:
            self.board.paint_parts(painter, target)
        elif self._scene.has_picture:
            painter.translate(self.plain.cell.pos())
            self.plain.cell.paint_on(painter, target)

    # -- from the view-models ---------------------------------------------------------------------------------------

    def _picture_changed(self, view: PictureView | None) -> None:
        self._scene.set_picture(view)
        self._turn_page()
        self._refresh()

    def _trace_changed(self, trace: TraceView | None) -> None:
        self._scene.set_trace(trace)
        if trace is not None:
            self.board.set_trace(trace)
        self._turn_page()

    def _planes_changed(self, planes: Planes | None) -> None:
        self.board.set_planes(planes)

    def _plane_changed(self, plane: Plane) -> None:
        self.board.set_plane(plane)

    def _probe_changed(self, probe: Probe | None) -> None:
        self._scene.set_probe(probe)

    def _state_changed(self, state: RunState) -> None:
        dimmed = state.kind in _REPLACING and self._document.trace is not None
        if dimmed != self._scene.dimmed:
            self._scene.dimmed = dimmed
            self._refresh()
        self._turn_page()

    def _display_changed(self, state: DisplayState, names: frozenset[str]) -> None:
        self._refresh()
        self.board.entitle()

    def _objects_changed(self, state: ObjectsState, _: object = None) -> None:
        self._scene.set_truth(state.rows if state.shown else ())

    def _selection_changed(self, state: SelectionState, names: frozenset[str]) -> None:
        if names & {"current", "enlarged"}:
            self._document.enlarge(state.current if state.enlarged else None)
        self.board.selection_changed(names)

    def _turn_page(self, _: object = None) -> None:
        has_trace = self._document.trace is not None and self._scene.has_picture
        page: QWidget = self.board if has_trace else self.plain if self._scene.has_picture else self._none
        self._pages.setCurrentWidget(page)
        self.bar.setVisible(self._scene.has_picture)
        self.plain.explain(self._document)

    def _refresh(self, *_: object) -> None:
        self.board.refresh_maps()
        self.plain.cell.refresh_map()
