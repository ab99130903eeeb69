"""All layers of the tab on one painter: for the window, for a saved picture and for a vector file alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from fpn_viewer.core.imaging.colours import level_colour, lut
from fpn_viewer.ui.anchors.backdrop import Backdrop
from fpn_viewer.ui.anchors.bars import density_bar, paint_bars, unit_bar
from fpn_viewer.ui.anchors.look import draw_raster
from fpn_viewer.ui.anchors.marks import detection_marks, frame_rect, paint_marks, view_rect
from fpn_viewer.ui.anchors.raster import DENSITY_LUT, RasterLayer, colour_of
from fpn_viewer.ui.objects.truth import paint_truth

if TYPE_CHECKING:
    from fpn_viewer.core.imaging.boxes import Frame
    from fpn_viewer.engine.values import PictureView, Plane, TraceView
    from fpn_viewer.ui.anchors.bars import Bar
    from fpn_viewer.ui.anchors.look import Look
    from fpn_viewer.ui.anchors.marks import Mark
    from fpn_viewer.ui.anchors.scene import Scene
    from fpn_viewer.ui.anchors.state import LayersState
    from fpn_viewer.viewmodels.objects import ObjectRow

#: visible boxes that a vector file lists one by one; more go into it as pixels
VECTOR_LIMIT = 20_000
OBJECTNESS_LUT = "magma"
#: labels drawn during a gesture, the best ones: placing a hundred takes 8 ms
_MOVING_LABELS = 30
_BOX_LAYERS = ("anchors", "proposals")


class Composer:
    """What is shown, and how to paint it.

    Attributes:
        trace: the detections' trace, or None.
        scene: its anchors, or None while they are not there.
        layers: the box layers by name.
        truth: the annotated objects.
        bars_rect: where the colour bars were painted, view px.
    """

    def __init__(self) -> None:
        """Makes a composer that shows nothing."""
        self.trace: TraceView | None = None
        self.scene: Scene | None = None
        self.layers = {name: RasterLayer() for name in _BOX_LAYERS}
        self.truth: tuple[ObjectRow, ...] = ()
        self.bars_rect = QRectF()
        self._backdrop = Backdrop()
        self._plane: Plane | None = None
        self._objectness: QImage | None = None

    def set_picture(self, view: PictureView | None) -> None:
        """Shows another picture."""
        self._backdrop.set_picture(view)

    def set_objectness(self, plane: Plane | None) -> None:
        """Shows another objectness map, or none."""
        self._plane, self._objectness = plane, None
        if plane is not None:
            rgb = np.ascontiguousarray(lut(OBJECTNESS_LUT)[plane.values])
            height, width = plane.values.shape[:2]
            image = QImage(rgb.data, width, height, 3 * width, QImage.Format.Format_RGB888)
            self._objectness = image.convertToFormat(QImage.Format.Format_RGB32)

    def choose(self, state: LayersState) -> None:
        """Applies the filters of the control strip to anchors and proposals."""
        colours = [level_colour(level.name) for level in self.scene.levels] if self.scene is not None else []
        for name, layer in self.layers.items():
            wanted = self.scene is not None and getattr(state, name)
            layer.set_boxes(getattr(self.scene, name)(state) if wanted else None, colours)

    def marks(self, state: LayersState, frame: Frame) -> list[Mark]:
        """The detections as they lie in a view, best first."""
        return detection_marks(self.trace, self.scene, state, frame) if self.trace is not None and state.detections else []

    def paint(self, painter: QPainter, frame: Frame, state: LayersState, look: Look) -> None:
        """Paints everything but what follows the mouse.

        Args:
            painter: in view px.
            frame: where the picture lies, view px.
            state: what is shown.
            look: and how.
        """
        painter.save()
        self._backdrop.draw(painter, frame, look.ratio, look.moving)
        if look.overlays:
            self._paint_objectness(painter, frame, state, look)
            for layer in self.layers.values():
                (_draw_vector if look.vector else draw_raster)(painter, layer, frame, look)
            if state.ground_truth and self.truth:
                paint_truth(painter, self.truth, frame, look, self._truth_labels(look))
            marks = self.marks(state, frame)
            labels = (_MOVING_LABELS if look.moving else len(marks)) if state.labels else 0
            paint_marks(painter, marks, frame_rect(frame), labels)
            self.bars_rect = paint_bars(painter, self._bars(state), frame_rect(frame))
        painter.restore()

    def _paint_objectness(self, painter: QPainter, frame: Frame, state: LayersState, look: Look) -> None:
        if not state.objectness or self._plane is None or self._objectness is None or self.trace is None:
            return
        painter.save()
        height, width = self.trace.geometry.image_size
        # the map reaches into the padding
        painter.setClipRect(view_rect((0, 0, width, height), frame))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, look.smooth and not look.moving)
        painter.setOpacity(look.opacity)
        painter.drawImage(view_rect(self._plane.box_img, frame), self._objectness)
        painter.restore()

    def _truth_labels(self, look: Look) -> int:
        # found objects carry the label of their detection
        missed = sum(row.outcome not in ("", "found") for row in self.truth)
        return max(1, min(missed, _MOVING_LABELS) if look.moving else missed)

    def _bars(self, state: LayersState) -> list[Bar]:
        bars = []
        for name, layer in self.layers.items():
            if layer.boxes is not None and layer.raster is not None and layer.raster.top:
                bars.append(density_bar(layer.raster, name, DENSITY_LUT))
        if state.objectness and self._plane is not None:
            bars.append(unit_bar(f"objectness {self._plane.cell[0]}", OBJECTNESS_LUT))
        return bars


def _draw_vector(painter: QPainter, layer: RasterLayer, frame: Frame, look: Look) -> None:
    chosen = layer.boxes
    if chosen is None or chosen.visible_count(frame) > VECTOR_LIMIT:
        draw_raster(painter, layer, frame, look)
        return
    view = frame_rect(frame).adjusted(-2, -2, 2, 2)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for row in chosen.visible(frame).tolist():
        painter.setPen(QPen(QColor(colour_of(int(chosen.level[row]), layer.colours)), 1))
        painter.drawRect(view_rect(chosen.table_img[row].tolist(), frame).intersected(view))
