"""The boxes near the asked object at one stage: coloured by overlap, solid where they survive it, and the cells they grew from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPen

from fpn_viewer.core.imaging.colours import level_colour, lut
from fpn_viewer.ui.anchors.marks import frame_rect, view_rect
from fpn_viewer.ui.objects.outlines import Outlines

if TYPE_CHECKING:
    from PySide6.QtGui import QPainter

    from fpn_viewer.core.analysis.line import NearBoxes
    from fpn_viewer.core.geometry import Box
    from fpn_viewer.core.imaging.boxes import Frame
    from fpn_viewer.engine.values import TraceView

IOU_LUT = "iou"
#: colours between an overlap of 0 and of 1
_STEPS = 60
_LOST_ALPHA, _CELL_ALPHA = 200, 34
#: view px from which a cell gets an outline
_OUTLINED_FROM = 4.0


def near_outlines(near: NearBoxes | None) -> tuple[Outlines, Outlines]:
    """Lost boxes, thin and dashed, and survivors; of each the best overlap last, on top.

    Args:
        near: best overlap first; None for none.
    """
    if near is None:
        nothing = Outlines(np.zeros((0, 4), np.float32), np.zeros(0, np.uint32))
        return nothing, nothing
    steps = np.rint(near.iou.clip(0, 1) * _STEPS).astype(np.intp)
    rgb = lut(IOU_LUT)[steps * 255 // _STEPS].astype(np.uint32)
    colours = rgb[:, 0] << 16 | rgb[:, 1] << 8 | rgb[:, 2]
    order = np.arange(len(near))[::-1]
    lost, alive = order[~near.alive[order]], order[near.alive[order]]
    return (
        Outlines(near.boxes_img[lost], colours[lost] | np.uint32(_LOST_ALPHA << 24), Qt.PenStyle.DashLine, halo=False),
        Outlines(near.boxes_img[alive], colours[alive] | np.uint32(0xFF000000), insets=(0, 1), halo=False),
    )


class NearCells:
    """The cells that the boxes near an object grew from, on one level."""

    def __init__(self) -> None:
        """Makes an empty layer."""
        self.level = ""
        self._boxes_img: list[Box] = []

    def choose(self, near: NearBoxes | None, trace: TraceView | None, wanted: str) -> None:
        """Takes the cells of a level: the wanted one where boxes grew from it, else the finest that survivors grew from."""
        self.level, self._boxes_img = "", []
        if near is None or trace is None:
            return
        index = _level_of(near, trace, wanted)
        if index is None:
            return
        level = trace.levels[index]
        cells = np.unique(near.cell[near.level == index], axis=0)
        self.level = level.name
        self._boxes_img = [trace.geometry.cell_box_img(level, row, column) for row, column in cells.tolist()]

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Fills the cells lightly in the level's colour."""
        if not self._boxes_img:
            return
        colour = QColor(level_colour(self.level))
        fill = QColor(colour)
        fill.setAlpha(_CELL_ALPHA)
        rects = [view_rect(box, frame) for box in self._boxes_img]
        for rect in rects:
            painter.fillRect(rect, fill)
        if rects[0].width() >= _OUTLINED_FROM:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colour, 1))
            painter.drawRects([rect for rect in rects if rect.intersects(frame_rect(frame))])


def _level_of(near: NearBoxes, trace: TraceView, wanted: str) -> int | None:
    names = [level.name for level in trace.levels]
    known = near.level >= 0
    present = set(np.unique(near.level[known]).tolist())
    if not present:
        return None
    if wanted in names and names.index(wanted) in present:
        return names.index(wanted)
    survivors = set(np.unique(near.level[known & near.alive]).tolist())
    return int(min(survivors or present))
