"""What follows the mouse: a cell's anchors, and where a detection came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPen

from fpn_viewer.core.imaging.colours import level_colour
from fpn_viewer.ui.anchors.fate import row_name
from fpn_viewer.ui.anchors.marks import frame_rect, paint_frame, paint_labels, view_rect

if TYPE_CHECKING:
    from PySide6.QtCore import QPointF
    from PySide6.QtGui import QPainter

    from fpn_viewer.core.imaging.boxes import Frame
    from fpn_viewer.ui.anchors.marks import Mark
    from fpn_viewer.ui.anchors.scene import Cell, Scene

_WHITE, _DARK = QColor("#FFFFFF"), QColor("#14161A")
#: per cent of an anchor's colour that its dashes after regression have
_LIGHTER = 150


def paint_cell(painter: QPainter, frame: Frame, scene: Scene, cell: Cell, pinned: bool) -> None:
    """Draws a cell, its anchors with shape and objectness and, when pinned, the boxes the RPN made of them, dashed.

    Args:
        painter: in view px.
        frame: where the picture lies, view px.
        scene: the anchors.
        cell: (level, row, column); nothing is drawn for one that does not exist.
        pinned: the user clicked it.
    """
    rows = scene.cell_rows(cell)
    if not rows:
        return
    level = next(one for one in scene.levels if one.name == cell[0])
    colour, view = QColor(level_colour(cell[0])), frame_rect(frame)
    area = view_rect(scene.trace.geometry.cell_box_img(level, cell[1], cell[2]), frame)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    paint_frame(painter, area, _WHITE, Qt.PenStyle.SolidLine if pinned else Qt.PenStyle.DotLine)
    anchors = [view_rect(scene.field.anchors_img[row].tolist(), frame) for row in rows]
    refined = [view_rect(scene.field.regressed_img[row].tolist(), frame) for row in rows] if pinned else []
    for rect in refined:
        paint_frame(painter, rect, _DARK)
    for rect in anchors:
        paint_frame(painter, rect, colour)
    # the dashes come last and without halo, so that an anchor shows through where the regression hardly moved it
    painter.setPen(QPen(colour.lighter(_LIGHTER), 2, Qt.PenStyle.DashLine))
    painter.drawRects(refined)
    texts = [f"{scene.shape_of(row)} · {scene.probabilities[row]:.2g}" for row in rows]
    labels = [(rect, text, colour) for rect, text in zip(anchors, texts, strict=True)]
    paint_labels(painter, labels, view)


def paint_origin(painter: QPainter, frame: Frame, scene: Scene | None, mark: Mark, candidate: int) -> None:
    """Draws a detection thick, with the anchor it grew from (dashed) and a line between their centres.

    Args:
        painter: in view px.
        frame: where the picture lies, view px.
        scene: the anchors, or None while they are not there.
        mark: the detection.
        candidate: row of its anchor, or -1 when it is not known.
    """
    painter.setBrush(Qt.BrushStyle.NoBrush)
    paint_frame(painter, mark.rect, mark.colour)
    if scene is None or candidate < 0:
        unknown = "its anchor is not known" if candidate < 0 else "its anchor is being looked up"
        paint_labels(painter, [(mark.rect, f"{mark.text} · {unknown}", mark.colour)], frame_rect(frame))
        return
    anchor = view_rect(scene.field.anchors_img[candidate].tolist(), frame)
    colour = QColor(level_colour(scene.cell_of(candidate)[0]))
    paint_frame(painter, anchor, colour, Qt.PenStyle.DashLine)
    _paint_line(painter, mark.rect.center(), anchor.center(), colour)
    labels = [(mark.rect, mark.text, mark.colour), (anchor, f"from {row_name(scene, candidate)}", colour)]
    paint_labels(painter, labels, frame_rect(frame))


def _paint_line(painter: QPainter, start: QPointF, end: QPointF, colour: QColor) -> None:
    for width, ink in ((4.0, QColor(0, 0, 0, 130)), (2.0, colour)):
        painter.setPen(QPen(ink, width))
        painter.drawLine(start, end)
    painter.setBrush(colour)
    painter.drawEllipse(end, 3.0, 3.0)
