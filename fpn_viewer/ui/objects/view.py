"""The picture of the Object tab: a click asks about an object, a drag with B draws one."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QEvent, QPointF
from PySide6.QtWidgets import QToolTip

from fpn_viewer.ui.anchors.gestures import PictureView
from fpn_viewer.ui.anchors.look import Look
from fpn_viewer.ui.objects import texts
from fpn_viewer.ui.objects.found import WORDS

if TYPE_CHECKING:
    from PySide6.QtGui import QHelpEvent, QPainter
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.core.geometry import Box
    from fpn_viewer.ui.objects.layers import ObjectLayers
    from fpn_viewer.viewmodels.display import Display
    from fpn_viewer.viewmodels.objects import Objects
    from fpn_viewer.viewmodels.question import Question
    from fpn_viewer.viewmodels.selection import Selection
    from fpn_viewer.viewmodels.viewport import Viewport

#: surroundings shown of an object: sides of it on each side, and image px in all at least
_AROUND, _LEAST = 1.5, 64.0
#: view px of the shorter side from which there is room for all of it
_ROOMY = 240.0


class ObjectView(PictureView):
    """Draws what `ObjectLayers` hold and selects what is clicked."""

    repainted_by = frozenset({"box_img"})

    def __init__(
        self,
        layers: ObjectLayers,
        objects: Objects,
        question: Question,
        display: Display,
        selection: Selection,
        viewport: Viewport,
        parent: QWidget | None = None,
    ) -> None:
        """Makes an empty view.

        Args:
            layers: what is drawn.
            objects: told which object was clicked.
            question: told that nothing is asked any more.
            display: hiding of overlays.
            selection: cursor and drawn box.
            viewport: shared pan and zoom.
            parent: the Qt parent.
        """
        super().__init__(display, selection, viewport, parent)
        self._layers, self._objects, self._question = layers, objects, question
        self.setAccessibleName("Picture with annotated objects and detections")

    def paint_layers(self, painter: QPainter, ratio: float, *, vector: bool = False) -> None:
        """Paints all layers; see `PaintedPicture`."""
        look = Look(1.0, False, not self._display.state.overlays_hidden, ratio, self._moving and not vector, vector)
        self._layers.paint(painter, self.frame(), look)

    def paint_selection(self, painter: QPainter) -> None:
        """Paints the box that is being drawn; one that was drawn is asked about, and a layer."""
        if self._rubber is not None:
            super().paint_selection(painter)

    def click(self, point: QPointF) -> None:
        """Selects the object under a point; beside all of them asks about nothing."""
        mark = self._layers.truth_at(point, self.frame())
        if mark is not None:
            self._objects.select(mark.row)
        else:
            self._question.clear()

    def clear(self) -> None:
        """Asks about nothing, and forgets the drawn box."""
        self._question.clear()

    def zoom_to(self, box_img: Box) -> None:
        """Shows a box with its surroundings, as much of them in the picture as there is."""
        extent = self._extent()
        # a low view has no room for much around it
        around = _AROUND * min(1.0, min(extent) / _ROOMY)
        middle = [(box_img[axis] + box_img[axis + 2]) / 2 for axis in (0, 1)]
        half = [max((1 + 2 * around) * (box_img[axis + 2] - box_img[axis]), _LEAST) / 2 for axis in (0, 1)]
        self._viewport.show_box((middle[0] - half[0], middle[1] - half[1], middle[0] + half[0], middle[1] + half[1]), extent, 1.0)

    def event(self, event: QEvent) -> bool:
        """Answers with a tooltip that knows what is under the mouse."""
        if event.type() == QEvent.Type.ToolTip:
            help_event = cast("QHelpEvent", event)
            QToolTip.showText(help_event.globalPos(), self.tip(QPointF(help_event.pos())), self)
            return True
        return super().event(event)

    def tip(self, point: QPointF) -> str:
        """What is under a point, in words; "" over the bare picture."""
        mark = self._layers.truth_at(point, self.frame())
        if mark is not None:
            return texts.row_tip(self._objects.state.rows[mark.row])
        found = self._layers.found_at(point, self.frame())
        return "" if found is None else f"{found.text}\n{WORDS.get(found.kind, '')}".rstrip()
