"""The view of the tab: mouse and keys on the painted picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QKeyEvent

from fpn_viewer.ui.anchors.painted import PaintedView

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QMouseEvent, QWheelEvent

#: view px the mouse may move between press and release of a click
_CLICK = 4
_ZOOM_STEP = 1.25
_PAN_STEP = 60.0

_NO_KEYS = Qt.KeyboardModifier.NoModifier
_ARROWS = {Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0)}


class AnchorView(PaintedView):
    """Pans and zooms with the mouse, shows the anchors of the cell under it, pins a cell on a click; all of it by keys as well."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Makes an empty view; the arguments are those of `PaintedView`."""
        super().__init__(*args, **kwargs)
        self._pressed: QPointF | None = None
        self._dragged: QPointF | None = None
        self._keys = self._key_table()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Picture with anchors, proposals and detections")

    # -- mouse ------------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begins a click or a drag."""
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._pressed, self._dragged = event.position(), None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Pans or draws a box while a button is held; else shows what is under the mouse."""
        point = event.position()
        if self._pressed is None:
            self._point_at(point)
            return
        if self._dragged is None and (point - self._pressed).manhattanLength() <= _CLICK:
            return
        before, self._dragged = self._dragged or self._pressed, point
        if self._selection.state.tool == "box" and event.buttons() & Qt.MouseButton.LeftButton:
            self._draw_box(self._pressed, point, keep_tool=True)
        else:
            self._viewport.pan(point.x() - before.x(), point.y() - before.y(), self._extent())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Ends a drag, or pins the cell that was clicked."""
        if self._pressed is None:
            return
        pressed, dragged = self._pressed, self._dragged
        self._pressed = self._dragged = None
        if dragged is None and event.button() == Qt.MouseButton.LeftButton:
            self.pin(event.position())
        elif dragged is not None and self._selection.state.tool == "box":
            self._draw_box(pressed, dragged, keep_tool=False)
        self._point_at(event.position())

    def leaveEvent(self, event: QEvent) -> None:
        """Forgets what was under the mouse."""
        self._hover = None
        self._selection.update(cursor_img=None)
        self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zooms at the mouse; with Ctrl changes the opacity."""
        notches = event.angleDelta().y() / 120
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._display.step_opacity(0.05 * notches)
        elif notches:
            point = event.position()
            self._viewport.zoom_at(_ZOOM_STEP**notches, (point.x(), point.y()), self._extent())
        event.accept()

    def pin(self, point: QPointF) -> None:
        """Pins the cell at a point of the view; the pinned one is let go."""
        cell = self._cell_at(point)
        self._selection.update(anchor_cell=None if cell == self._selection.state.anchor_cell else cell)

    def _point_at(self, point: QPointF) -> None:
        self._hover = point
        x, y = self._to_img(point)
        height, width = self._viewport.state.image_size
        self._selection.update(cursor_img=(x, y) if 0 <= x < width and 0 <= y < height else None)
        self.update()

    def _draw_box(self, start: QPointF, end: QPointF, *, keep_tool: bool) -> None:
        self._selection.set_box((*self._to_img(start), *self._to_img(end)), self._viewport.state.image_size)
        if keep_tool:
            self._selection.update(tool="box")

    # -- keys -------------------------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        """Claims Esc from the window's Cancel while a cell is pinned."""
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() == Qt.Key.Key_Escape
            and self._selection.state.anchor_cell is not None
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Fit, 100 %, zoom, level, pin; Ctrl+arrows pan, Shift+arrows move the pinned cell."""
        key, held = Qt.Key(event.key()), event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if key in _ARROWS and held == Qt.KeyboardModifier.ControlModifier:
            down, right = _ARROWS[key]
            self._viewport.pan(-right * _PAN_STEP, -down * _PAN_STEP, self._extent())
        elif key in _ARROWS and held == Qt.KeyboardModifier.ShiftModifier:
            self._move_pin(*_ARROWS[key])
        elif key in self._keys and held in (_NO_KEYS, Qt.KeyboardModifier.ShiftModifier):
            self._keys[key]()
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Shows the overlays again when Space is let go."""
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._display.update(overlays_hidden=False)
        else:
            super().keyReleaseEvent(event)

    def _key_table(self) -> dict[Qt.Key, Callable[[], None]]:
        return {
            Qt.Key.Key_F: self._viewport.fit,
            Qt.Key.Key_1: self._one_to_one,
            Qt.Key.Key_Plus: self._zoom_in,
            Qt.Key.Key_Equal: self._zoom_in,
            Qt.Key.Key_Minus: self._zoom_out,
            Qt.Key.Key_Up: self._finer,
            Qt.Key.Key_Down: self._coarser,
            Qt.Key.Key_Return: self._pin_here,
            Qt.Key.Key_Enter: self._pin_here,
            Qt.Key.Key_Escape: self._let_go,
            Qt.Key.Key_Space: self._hide_overlays,
        }

    def _one_to_one(self) -> None:
        self._viewport.one_to_one(self._extent())

    def _zoom_in(self) -> None:
        self._viewport.zoom_at(_ZOOM_STEP, self._middle(), self._extent())

    def _zoom_out(self) -> None:
        self._viewport.zoom_at(1 / _ZOOM_STEP, self._middle(), self._extent())

    def _finer(self) -> None:
        self._step_level(-1)

    def _coarser(self) -> None:
        self._step_level(1)

    def _step_level(self, step: int) -> None:
        scene = self._composer.scene
        index = scene.index(self.level()) if scene is not None else None
        if scene is not None and index is not None:
            place = scene.scanned.index(scene.levels[index]) + step
            level = scene.scanned[min(max(place, 0), len(scene.scanned) - 1)]
            self._selection.update(current=(level.name, self._selection.state.current[1]))

    def _pin_here(self) -> None:
        self.pin(self._hover if self._hover is not None else QPointF(*self._middle()))

    def _let_go(self) -> None:
        self._selection.update(anchor_cell=None)

    def _hide_overlays(self) -> None:
        self._display.update(overlays_hidden=True)

    def _move_pin(self, down: int, right: int) -> None:
        cell, scene = self._selection.state.anchor_cell, self._composer.scene
        if cell is not None and scene is not None:
            moved = (cell[0], cell[1] + down, cell[2] + right)
            self._selection.update(anchor_cell=moved if scene.cell_rows(moved) else cell)
