"""What mouse, wheel and keys do on a map: the same in every cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QApplication

from fpn_viewer.ui.canvas.keys import row_for

if TYPE_CHECKING:
    from PySide6.QtCore import QPointF
    from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent

    from fpn_viewer.ui.canvas.map_cell import MapCell
    from fpn_viewer.ui.canvas.scene import Scene
    from fpn_viewer.viewmodels.document import Document

#: zoom factor of one notch of a wheel (120 eighths of a degree)
NOTCH = 1.25
OPACITY_STEP = 0.05
#: view px that a key moves the picture
KEY_PAN = 32.0
_DRAG = Qt.MouseButton.LeftButton | Qt.MouseButton.MiddleButton


class Gestures(QObject):
    """Turns events of any cell into changes of the view-models.

    Signals:
        moved(rows, columns): a key asks for another cell: so many rows and columns further.
    """

    moved = Signal(int, int)

    def __init__(self, scene: Scene, document: Document, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._scene, self._document = scene, document
        self._display, self._selection, self._viewport = scene.display, scene.selection, scene.viewport
        self._last: QPointF | None = None
        self._corner: tuple[float, float] | None = None
        self._dragged = False

    # -- mouse ------------------------------------------------------------------------------------------------------

    def press(self, cell: MapCell, event: QMouseEvent) -> None:
        """Starts a drag, or a box; the pressed cell becomes current."""
        if not event.button() & _DRAG or not self._scene.has_picture:
            event.ignore()
            return
        if cell.level:
            self._selection.update(current=cell.cell)
        self._last, self._dragged = event.position(), False
        if self._selection.state.tool == "box" and event.button() == Qt.MouseButton.LeftButton:
            self._corner = cell.to_img(event.position())

    def move(self, cell: MapCell, event: QMouseEvent) -> None:
        """Pans, draws the box, or points."""
        if self._corner is not None:
            self._scene.set_rubber((*self._corner, *cell.to_img(event.position())))
        elif self._last is not None and event.buttons() & _DRAG:
            self._drag(cell, event.position())
        else:
            self.point(cell, event.position())

    def release(self, cell: MapCell, event: QMouseEvent) -> None:
        """Ends a drag; a drawn box becomes the selection's."""
        if self._corner is not None:
            corners = (*self._corner, *cell.to_img(event.position()))
            self._corner = None
            self._scene.set_rubber(None)
            self._selection.set_box(corners, self._viewport.state.image_size)
        self._last = None
        self.point(cell, event.position())

    def double_click(self, cell: MapCell) -> None:
        """Enlarges the cell, or goes back to the grid."""
        self._last = None
        if cell.level and not cell.empty:
            self._selection.update(current=cell.cell, enlarged=not self._selection.state.enlarged)

    def wheel(self, cell: MapCell, event: QWheelEvent) -> None:
        """Zooms at the cursor; with Ctrl changes the opacity."""
        notches = event.angleDelta().y() / 120
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._display.step_opacity(notches * OPACITY_STEP)
        elif self._scene.has_picture and notches:
            point = event.position() - cell.map_rect().topLeft()
            self._viewport.zoom_at(NOTCH**notches, (point.x(), point.y()), cell.view_size())
        event.accept()

    def point(self, cell: MapCell, position: QPointF) -> None:
        """Says what image point is under the mouse and asks for the levels there."""
        x, y = cell.to_img(position)
        h, w = self._viewport.state.image_size
        inside = self._scene.has_picture and cell.map_rect().contains(position) and 0 <= x < w and 0 <= y < h
        self._point((x, y) if inside else None)

    def leave_cell(self) -> None:
        """The mouse has left the maps."""
        if self._last is None:
            self._point(None)

    def _point(self, point: tuple[float, float] | None) -> None:
        if point != self._selection.state.cursor_img:
            self._selection.update(cursor_img=point)
            self._document.probe(point)

    def _drag(self, cell: MapCell, position: QPointF) -> None:
        assert self._last is not None
        step = position - self._last
        # a shaky click or double-click is no drag
        if self._dragged or step.manhattanLength() >= QApplication.startDragDistance() // 2:
            self._dragged = True
            self._viewport.pan(step.x(), step.y(), cell.view_size())
            self._last = position

    # -- keys -------------------------------------------------------------------------------------------------------

    def claims(self, event: QKeyEvent) -> bool:
        """Whether a key is the grid's now, so that no shortcut of the window takes it."""
        row = row_for(event.key(), event.modifiers())
        return row is not None and (row.action != "leave" or self._can_leave())

    def key(self, cell: MapCell, event: QKeyEvent) -> bool:
        """Does what a key says; answers whether it was one of the grid's."""
        row = row_for(event.key(), event.modifiers())
        if row is None or not self.claims(event):
            return False
        getattr(self, row.action)(cell, row.amount)
        return True

    def key_up(self, event: QKeyEvent) -> None:
        """Ends what lasts while a key is held."""
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.show_overlays()

    def show_overlays(self) -> None:
        """Shows the maps again after Space was held."""
        self._display.update(overlays_hidden=False)

    def _can_leave(self) -> bool:
        return self._selection.state.enlarged or self._selection.state.tool == "box"

    def step_channel(self, _: MapCell, amount: int) -> None:
        """Another channel."""
        self._display.step_channel(amount)

    def step_level(self, _: MapCell, amount: int) -> None:
        """Another level of the same column."""
        self.moved.emit(amount, 0)

    def step_column(self, _: MapCell, amount: int) -> None:
        """Another column of the same level."""
        self.moved.emit(0, amount)

    def step_reduction(self, _: MapCell, amount: int) -> None:
        """Another reduction."""
        self._display.step_reduction(amount)

    def step_scale(self, _: MapCell, amount: int) -> None:
        """Another sharing of the colour scale."""
        self._display.step_scale(amount)

    def step_opacity(self, _: MapCell, amount: int) -> None:
        """More or less of the map."""
        self._display.step_opacity(amount * OPACITY_STEP)

    def toggle_smooth(self, _: MapCell, __: int) -> None:
        """Interpolated, or as cells."""
        self._display.update(smooth=not self._display.state.smooth)

    def toggle_detections(self, _: MapCell, __: int) -> None:
        """Detections on or off."""
        self._display.update(detections=not self._display.state.detections)

    def toggle_receptive(self, _: MapCell, __: int) -> None:
        """Receptive field on or off."""
        self._display.update(receptive=not self._display.state.receptive)

    def fit(self, _: MapCell, __: int = 0) -> None:
        """The whole picture."""
        self._viewport.fit()

    def one_to_one(self, cell: MapCell, _: int = 0) -> None:
        """One image px on one px of the screen."""
        self._viewport.one_to_one(cell.view_size(), 1 / cell.devicePixelRatioF())

    def zoom(self, cell: MapCell, amount: int) -> None:
        """Zooms at the middle."""
        width, height = cell.view_size()
        self._viewport.zoom_at(NOTCH**amount, (width / 2, height / 2), (width, height))

    def pan_x(self, cell: MapCell, amount: int) -> None:
        """Moves the picture sideways."""
        self._viewport.pan(amount * KEY_PAN, 0, cell.view_size())

    def pan_y(self, cell: MapCell, amount: int) -> None:
        """Moves the picture up or down."""
        self._viewport.pan(0, amount * KEY_PAN, cell.view_size())

    def toggle_enlarged(self, cell: MapCell, _: int) -> None:
        """Enlarges the focused cell, or goes back."""
        self.double_click(cell)

    def leave(self, _: MapCell, __: int) -> None:
        """Stops drawing a box; then leaves the enlarged cell."""
        if self._selection.state.tool == "box":
            self._corner = None
            self._scene.set_rubber(None)
            self._selection.update(tool="pan")
        else:
            self._selection.update(enlarged=False)

    def toggle_box(self, _: MapCell, __: int) -> None:
        """Lets the next drag draw a box, or pan again."""
        self._selection.update(tool="pan" if self._selection.state.tool == "box" else "box")

    def clear_box(self, _: MapCell, __: int) -> None:
        """Removes the drawn box."""
        self._selection.set_box(None, self._viewport.state.image_size)

    def hide_overlays(self, _: MapCell, __: int) -> None:
        """The picture alone, until the key is let go."""
        self._display.update(overlays_hidden=True)
