"""The view of the tab: mouse and keys on the painted picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPointF, Qt

from fpn_viewer.ui.anchors.gestures import ARROWS, held_with
from fpn_viewer.ui.anchors.painted import PaintedView

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QKeyEvent


class AnchorView(PaintedView):
    """Shows the anchors of the cell under the mouse and pins a cell on a click; all of it by keys as well."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Makes an empty view; the arguments are those of `PaintedView`."""
        super().__init__(*args, **kwargs)
        self.setAccessibleName("Picture with anchors, proposals and detections")

    def click(self, point: QPointF) -> None:
        """Pins the cell that was clicked; the pinned one is let go."""
        cell = self._cell_at(point)
        self._selection.update(anchor_cell=None if cell == self._selection.state.anchor_cell else cell)

    def can_leave(self) -> bool:
        """Esc ends the drawing of a box, or lets the pinned cell go."""
        return super().can_leave() or self._selection.state.anchor_cell is not None

    def leave(self) -> None:
        """Stops drawing a box; then lets the pinned cell go."""
        if super().can_leave():
            super().leave()
        else:
            self._selection.update(anchor_cell=None)

    # -- keys -------------------------------------------------------------------------------------------------------

    def key_table(self) -> dict[Qt.Key, Callable[[], None]]:
        """Level and pin besides what every picture has."""
        return super().key_table() | {
            Qt.Key.Key_Up: self._finer,
            Qt.Key.Key_Down: self._coarser,
            Qt.Key.Key_Return: self._pin_here,
            Qt.Key.Key_Enter: self._pin_here,
        }

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Shift+arrows move the pinned cell; all other keys as in every picture."""
        if event.key() in ARROWS and held_with(event) == Qt.KeyboardModifier.ShiftModifier:
            self._move_pin(*ARROWS[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

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
        self.click(self._hover if self._hover is not None else QPointF(*self._middle()))

    def _move_pin(self, down: int, right: int) -> None:
        cell, scene = self._selection.state.anchor_cell, self._composer.scene
        if cell is not None and scene is not None:
            moved = (cell[0], cell[1] + down, cell[2] + right)
            self._selection.update(anchor_cell=moved if scene.cell_rows(moved) else cell)
