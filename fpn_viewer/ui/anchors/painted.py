"""The picture with its boxes: painting, and following what changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpn_viewer.ui.anchors.gestures import PictureView
from fpn_viewer.ui.anchors.look import Look
from fpn_viewer.ui.anchors.marks import mark_at
from fpn_viewer.ui.anchors.overlay import paint_cell, paint_origin
from fpn_viewer.ui.anchors.state import BOX_FIELDS

if TYPE_CHECKING:
    from PySide6.QtCore import QPointF
    from PySide6.QtGui import QPainter
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.ui.anchors.composer import Composer
    from fpn_viewer.ui.anchors.marks import Mark
    from fpn_viewer.ui.anchors.scene import Cell
    from fpn_viewer.ui.anchors.state import Layers, LayersState
    from fpn_viewer.viewmodels.display import Display
    from fpn_viewer.viewmodels.selection import Selection
    from fpn_viewer.viewmodels.viewport import Viewport

#: view px around a detection's edge that show where it came from while anchors are shown as well
_REACH = 5.0


class PaintedView(PictureView):
    """Draws what a `Composer` holds and what is under the mouse."""

    redrawn_by = frozenset({"opacity", "smooth", "overlays_hidden"})
    repainted_by = frozenset({"anchor_cell", "box_img", "current"})

    def __init__(
        self,
        composer: Composer,
        layers: Layers,
        display: Display,
        selection: Selection,
        viewport: Viewport,
        parent: QWidget | None = None,
    ) -> None:
        """Makes an empty view.

        Args:
            composer: what is drawn.
            layers: the control strip's settings.
            display: opacity, smoothing, hiding.
            selection: cursor, level, pinned cell, drawn box.
            viewport: shared pan and zoom.
            parent: the Qt parent.
        """
        super().__init__(display, selection, viewport, parent)
        self._composer, self._layers = composer, layers
        layers.changed.connect(self._layers_changed)

    def level(self) -> str:
        """The level whose cells are pointed at: the current one, or the finest where the RPN does not look at that."""
        scene = self._composer.scene
        current = self._selection.state.current[0]
        if scene is None or scene.index(current) is not None or not scene.scanned:
            return current
        return scene.scanned[0].name

    def paint_layers(self, painter: QPainter, ratio: float, *, vector: bool = False) -> None:
        """Paints all layers; see `PaintedPicture`."""
        shown = self._display.state
        moving, overlays = self._moving and not vector, not shown.overlays_hidden
        look = Look(shown.opacity, shown.smooth, overlays, ratio, moving, vector)
        self._composer.paint(painter, self.frame(), self._layers.state, look)

    def paint_selection(self, painter: QPainter) -> None:
        """Paints the pinned cell and the drawn box, in view px."""
        cell = self._selection.state.anchor_cell
        if cell is not None and self._composer.scene is not None:
            paint_cell(painter, self.frame(), self._composer.scene, cell, True)
        super().paint_selection(painter)

    def paint_hover(self, painter: QPainter) -> None:
        """Paints the anchors of the cell under the mouse, and where the detection under it came from."""
        if self._hover is None:
            return
        scene, state = self._composer.scene, self._layers.state
        cell = self._cell_at(self._hover)
        if state.anchors and scene is not None and cell is not None and cell != self._selection.state.anchor_cell:
            paint_cell(painter, self.frame(), scene, cell, False)
        mark = self.mark_under(self._hover)
        if mark is not None and self._composer.trace is not None:
            paint_origin(painter, self.frame(), scene, mark, int(self._composer.trace.detections.candidate[mark.row]))

    def mark_under(self, point: QPointF) -> Mark | None:
        """The detection under a point: anywhere inside it, or near its edge where cells are pointed at as well."""
        state: LayersState = self._layers.state
        return mark_at(self._composer.marks(state, self.frame()), point, _REACH if state.anchors else None)

    def _cell_at(self, point: QPointF) -> Cell | None:
        scene = self._composer.scene
        index = scene.index(self.level()) if scene is not None else None
        if scene is None or index is None:
            return None
        level = scene.levels[index]
        place = scene.trace.geometry.cell_at(level, *self._to_img(point))
        return None if place is None else (level.name, *place)

    def _layers_changed(self, state: LayersState, names: frozenset[str]) -> None:
        if names & BOX_FIELDS:
            self._composer.choose(state)
        self.refresh()
