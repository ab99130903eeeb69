"""What mouse, wheel and keys do on a single picture: the same in every tab that shows one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent

from fpn_viewer.ui.anchors.picture import PaintedPicture

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtCore import QPointF
    from PySide6.QtGui import QFocusEvent, QMouseEvent, QWheelEvent

    from fpn_viewer.viewmodels.selection import SelectionState

#: view px the mouse may move between press and release of a click
_CLICK = 4
_ZOOM_STEP = 1.25
_PAN_STEP = 60.0

NO_KEYS = Qt.KeyboardModifier.NoModifier
#: what an arrow key points at: rows down, columns right
ARROWS = {Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0)}


def held_with(event: QKeyEvent) -> Qt.KeyboardModifier:
    """The modifiers of a key that tell it from others; the keypad's is no difference."""
    return event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier


class PictureView(PaintedPicture):
    """Pans, zooms and draws boxes with the mouse, and with keys what has a key; hands all other keys on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Makes an empty view; the arguments are those of `PaintedPicture`."""
        super().__init__(*args, **kwargs)
        self._pressed: QPointF | None = None
        self._dragged: QPointF | None = None
        self._hover: QPointF | None = None
        self._keys = self.key_table()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    # -- for subclasses ---------------------------------------------------------------------------------------------

    def click(self, point: QPointF) -> None:
        """A point of the view was clicked: here nothing happens."""

    def clear(self) -> None:
        """Del was pressed: forgets the drawn box."""
        self._selection.set_box(None, self._viewport.state.image_size)

    def can_leave(self) -> bool:
        """Whether Esc has something to end here, so that it does not cancel what runs."""
        return self._selection.state.tool == "box"

    def leave(self) -> None:
        """Esc was pressed: stops drawing a box."""
        self._rubber = self._pressed = self._dragged = None
        self._selection.update(tool="pan")
        self.update()

    def key_table(self) -> dict[Qt.Key, Callable[[], None]]:
        """What keys do, with or without Shift."""
        return {
            Qt.Key.Key_F: self._viewport.fit,
            Qt.Key.Key_1: self._one_to_one,
            Qt.Key.Key_Plus: self._zoom_in,
            Qt.Key.Key_Equal: self._zoom_in,
            Qt.Key.Key_Minus: self._zoom_out,
            Qt.Key.Key_B: self._toggle_box,
            Qt.Key.Key_Delete: self.clear,
            Qt.Key.Key_Escape: self.leave,
            Qt.Key.Key_Space: self._hide_overlays,
        }

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
            self._rubber = (*self._to_img(self._pressed), *self._to_img(point))
            self.update()
        else:
            self._viewport.pan(point.x() - before.x(), point.y() - before.y(), self._extent())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Ends a drag or a click; a drawn box becomes the selection's."""
        if self._pressed is None:
            return
        dragged, rubber = self._dragged, self._rubber
        self._pressed = self._dragged = self._rubber = None
        if rubber is not None:
            self._selection.set_box(rubber, self._viewport.state.image_size)
            self.update()
        elif dragged is None and event.button() == Qt.MouseButton.LeftButton:
            self.click(event.position())
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

    def _point_at(self, point: QPointF) -> None:
        self._hover = point
        x, y = self._to_img(point)
        height, width = self._viewport.state.image_size
        self._selection.update(cursor_img=(x, y) if 0 <= x < width and 0 <= y < height else None)
        self.update()

    def _selection_changed(self, state: SelectionState, names: frozenset[str]) -> None:
        super()._selection_changed(state, names)
        if "tool" in names:
            self.setCursor(Qt.CursorShape.CrossCursor if state.tool == "box" else Qt.CursorShape.ArrowCursor)

    # -- keys -------------------------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        """Claims Esc from the window's Cancel while there is something to leave."""
        claimed = event.type() == QEvent.Type.ShortcutOverride and self.can_leave()
        if claimed and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Does what `key_table` says; Ctrl+arrows pan."""
        key, held = Qt.Key(event.key()), held_with(event)
        if key in ARROWS and held == Qt.KeyboardModifier.ControlModifier:
            down, right = ARROWS[key]
            self._viewport.pan(-right * _PAN_STEP, -down * _PAN_STEP, self._extent())
        elif key in self._keys and held in (NO_KEYS, Qt.KeyboardModifier.ShiftModifier):
            self._keys[key]()
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Shows the overlays again when Space is let go."""
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._show_overlays()
        else:
            super().keyReleaseEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """A key held while the focus goes is never let go here."""
        self._show_overlays()
        super().focusOutEvent(event)

    def _one_to_one(self) -> None:
        self._viewport.one_to_one(self._extent())

    def _zoom_in(self) -> None:
        self._viewport.zoom_at(_ZOOM_STEP, self._middle(), self._extent())

    def _zoom_out(self) -> None:
        self._viewport.zoom_at(1 / _ZOOM_STEP, self._middle(), self._extent())

    def _toggle_box(self) -> None:
        self._selection.update(tool="pan" if self._selection.state.tool == "box" else "box")

    def _hide_overlays(self) -> None:
        self._display.update(overlays_hidden=True)

    def _show_overlays(self) -> None:
        self._display.update(overlays_hidden=False)
