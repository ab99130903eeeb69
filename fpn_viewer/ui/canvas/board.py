"""The maps of one pyramid, laid out as a grid or around one enlarged map."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, Qt
from PySide6.QtWidgets import QWidget

from fpn_viewer.ui.canvas import texts
from fpn_viewer.ui.canvas.headers import ColumnHeading, Corner, RowHeader, TitleLine
from fpn_viewer.ui.canvas.map_cell import MapCell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtCore import QPoint
    from PySide6.QtGui import QPainter, QResizeEvent

    from fpn_viewer.core.necks.graph import Graph
    from fpn_viewer.engine.values import Plane, Planes, TraceView
    from fpn_viewer.ui.canvas.gestures import Gestures
    from fpn_viewer.ui.canvas.painted import Painted, Target
    from fpn_viewer.ui.canvas.scene import Cell, Scene

GAP = 4
#: the strip of the level's other maps beside an enlarged one: share of the height, px at most, and the height it needs
_STRIP_SHARE, _STRIP_MOST, _STRIP_FROM = 0.18, 120, 300


class Board(QWidget):
    """Cells, headers and headings of a pyramid.

    Attributes:
        cells: by (level, role), row by row.
        title: the line over an enlarged map.
    """

    def __init__(self, scene: Scene, gestures: Gestures, parent: QWidget | None = None) -> None:
        """Makes an empty board.

        Args:
            scene: what all cells share.
            gestures: what events do.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self.cells: dict[Cell, MapCell] = {}
        self.title = TitleLine(self)
        self._scene, self._gestures = scene, gestures
        self._graph: Graph | None = None
        self._shape: object = None
        self._channels: dict[str, int] = {}
        self._levels: tuple[str, ...] = ()
        self._roles: tuple[str, ...] = ()
        self._headings: list[ColumnHeading] = []
        self._headers: list[RowHeader] = []
        self._corner = Corner(self)
        self.title.back.clicked.connect(self._back)
        gestures.moved.connect(self.move_current)

    # -- contents ---------------------------------------------------------------------------------------------------

    def set_trace(self, trace: TraceView) -> None:
        """Makes the cells of a pyramid; those of an equal pyramid stay."""
        self._corner.set_untrained(trace.spec.untrained)
        self._channels = dict(trace.channels)
        shape = (trace.graph, trace.levels, tuple(trace.geometry.visible_cells(level) for level in trace.levels))
        if shape != self._shape:
            rebuild = self._graph != trace.graph
            self._shape = shape
            self._make_headers(trace)
            if rebuild:
                self._make_cells(trace.graph)
            self._pick_current()
        self.arrange()

    def _make_headers(self, trace: TraceView) -> None:
        for header in self._headers:
            header.hide()
            header.deleteLater()
        self._headers = [RowHeader(level, trace.geometry.visible_cells(level), self) for level in trace.levels]

    def _make_cells(self, graph: Graph) -> None:
        for widget in (*self.cells.values(), *self._headings):
            widget.hide()
            widget.deleteLater()
        self._graph, self._levels, self._roles = graph, graph.levels, texts.columns(graph)
        self._headings = [ColumnHeading(role, self) for role in self._roles]
        keys = [(level, role) for level in self._levels for role in self._roles]
        self.cells = {key: MapCell(key, texts.cell_name(graph, key), self._scene, self._gestures, self) for key in keys}

    def _pick_current(self) -> None:
        if self._scene.selection.state.current not in self.cells:
            self._scene.selection.update(current=(self._levels[0], "output"))

    def set_planes(self, planes: Planes | None) -> None:
        """Shows planes; cells without one show a dash, all of them the picture alone when there are none."""
        shown = self._scene.display.state
        self._scene.locked = planes is not None and planes.scale == "locked"
        # an enlarged map steps ahead of the others: planes that were asked for before must not set it back
        late = planes is not None and (planes.reduction, planes.channel, planes.scale) != (
            shown.reduction,
            shown.channel,
            shown.scale,
        )
        for key, cell in self.cells.items():
            if not (late and self._is_enlarged(key) and cell.plane is not None):
                plane = planes.planes.get(key) if planes is not None else None
                cell.set_plane(plane, "" if plane is not None or planes is None else self._why(key, planes))
        self.refresh()

    def set_plane(self, plane: Plane) -> None:
        """Shows one plane ahead of the others."""
        cell = self.cells.get(plane.cell)
        if cell is not None:
            cell.set_plane(plane)

    def _why(self, key: Cell, planes: Planes) -> str:
        assert self._graph is not None
        width = texts.width_of(self._channels, self._graph, key)
        if planes.reduction == "channel" and width is not None and planes.channel >= width:
            return texts.no_channel(texts.cell_name(self._graph, key), width, planes.channel)
        return texts.why_empty(self._graph, key)

    # -- current and enlarged ---------------------------------------------------------------------------------------

    def current_cell(self) -> MapCell | None:
        """The cell that keys act on."""
        return self.cells.get(self._scene.selection.state.current)

    def move_current(self, rows: int, columns: int) -> None:
        """Makes the next cell in a direction current that has a map."""
        level, role = self._scene.selection.state.current
        if (level, role) not in self.cells:
            return
        row, column = self._levels.index(level) + rows, self._roles.index(role) + columns
        while 0 <= row < len(self._levels) and 0 <= column < len(self._roles):
            cell = self.cells[self._levels[row], self._roles[column]]
            if not cell.empty:
                self._scene.selection.update(current=cell.cell)
                return
            row, column = row + rows, column + columns

    def selection_changed(self, names: frozenset[str]) -> None:
        """Follows the selection."""
        if names & {"current", "enlarged"}:
            focused = any(cell.hasFocus() for cell in self.cells.values()) or self.title.back.hasFocus()
            self.arrange()
            current = self.current_cell()
            if focused and current is not None:
                current.setFocus(Qt.FocusReason.OtherFocusReason)
            self.refresh()
        self.refresh_maps()

    def refresh(self) -> None:
        """Repaints all of the cells and the title."""
        for cell in self.cells.values():
            cell.update()
        self.entitle()

    def refresh_maps(self) -> None:
        """Repaints the maps, but not what is around them."""
        for cell in self.cells.values():
            cell.refresh_map()

    def _is_enlarged(self, key: Cell) -> bool:
        state = self._scene.selection.state
        return state.enlarged and state.current == key

    def entitle(self) -> None:
        """Says over an enlarged map what it is."""
        cell = self.current_cell()
        if cell is None or self._graph is None or not self._scene.selection.state.enlarged:
            return
        shown = self._scene.display.state
        width = texts.width_of(self._channels, self._graph, cell.cell)
        detail = (
            cell.plane.unit
            if cell.plane is not None and width is None
            else texts.reduction_line(shown.reduction, shown.channel, width)
        )
        self.title.set_title(cell.level, texts.cell_name(self._graph, cell.cell), texts.formula(self._graph, cell.cell), detail)

    def _back(self) -> None:
        self._scene.selection.update(enlarged=False)

    # -- layout -----------------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lays the parts out again."""
        self.arrange()
        super().resizeEvent(event)

    def arrange(self) -> None:
        """Places every part; cells of the grid are equally large, so that they can share one drawing of the picture."""
        current = self.current_cell()
        enlarged = self._scene.selection.state.enlarged and current is not None
        for part in (self._corner, *self._headings, *self._headers):
            part.setVisible(not enlarged)
        self.title.setVisible(enlarged)
        for cell in self.cells.values():
            cell.set_mode(compact=enlarged and cell is not current, named=enlarged and cell is current)
            # one stop of the Tab key; the arrows move on from there
            cell.setFocusPolicy(Qt.FocusPolicy.StrongFocus if cell is current else Qt.FocusPolicy.ClickFocus)
        if enlarged and current is not None:
            self._place_enlarged(current)
        elif self.cells:
            self._place_grid()
        self.entitle()

    def _place_grid(self) -> None:
        left = max([self._corner.badge_width(), *(header.sizeHint().width() for header in self._headers)])
        top = self.fontMetrics().height() + 6
        width = (self.width() - left) // len(self._roles) - GAP
        height = (self.height() - top) // len(self._levels) - GAP
        self._corner.setGeometry(0, 0, left, top)
        for column, heading in enumerate(self._headings):
            heading.setGeometry(left + column * (width + GAP), 0, width, top)
        for row, header in enumerate(self._headers):
            header.setGeometry(0, top + row * (height + GAP), left, height)
        for place, cell in enumerate(self.cells.values()):
            row, column = divmod(place, len(self._roles))
            cell.setGeometry(left + column * (width + GAP), top + row * (height + GAP), width, height)
            cell.show()

    def _place_enlarged(self, current: MapCell) -> None:
        top = self.title.sizeHint().height() + GAP
        self.title.setGeometry(0, 0, self.width(), top - GAP)
        others = [cell for cell in self.cells.values() if cell.level == current.level and cell is not current and not cell.empty]
        strip = min(_STRIP_MOST, round(self.height() * _STRIP_SHARE)) if others and self.height() >= _STRIP_FROM else 0
        current.setGeometry(0, top, self.width(), max(1, self.height() - top - strip - (GAP if strip else 0)))
        width = min(round(strip * 1.5), self.width() // max(1, len(others)) - GAP)
        shown = {id(current): current.geometry()}
        for place, cell in enumerate(others if strip else []):
            shown[id(cell)] = QRect(place * (width + GAP), self.height() - strip, width, strip)
        for cell in self.cells.values():
            cell.setVisible(id(cell) in shown)
            cell.setGeometry(shown.get(id(cell), cell.geometry()))

    # -- pictures of the board --------------------------------------------------------------------------------------

    def parts(self) -> Iterator[tuple[QPoint, Painted]]:
        """The visible parts and where they are."""
        for part in (self._corner, *self._headings, *self._headers, self.title, *self.cells.values()):
            if part.isVisibleTo(self):
                yield part.pos(), part

    def paint_parts(self, painter: QPainter, target: Target) -> None:
        """Paints all visible parts; see `Painted.paint_on`."""
        for place, part in self.parts():
            painter.save()
            painter.translate(place)
            painter.setClipRect(part.rect())
            part.paint_on(painter, target)
            painter.restore()
