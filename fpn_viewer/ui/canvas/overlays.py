"""What is drawn over a map: detections, the drawn box, the cells under the cursor and their receptive field."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPen

from fpn_viewer.core.imaging.boxes import Frame
from fpn_viewer.core.imaging.colours import class_colour, level_colour
from fpn_viewer.ui.anchors.look import Look
from fpn_viewer.ui.canvas.legend import draw_chip
from fpn_viewer.ui.objects.truth import paint_truth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QPainter

    from fpn_viewer.core.geometry import Box
    from fpn_viewer.core.structures import Detections
    from fpn_viewer.engine.values import Plane, Probe
    from fpn_viewer.ui.canvas.view import View
    from fpn_viewer.viewmodels.objects import ObjectRow

_HALO = QColor(0, 0, 0, 150)
_WHITE = QColor("#ffffff")
_CROSS = 7.0
#: boxes smaller than this on the screen get no name, view px
_NAMED_FROM = 24.0
_HATCH = QBrush(QColor("#FF2FD0"), Qt.BrushStyle.BDiagPattern)
_HATCHED = 4000


def _outline(
    painter: QPainter, rect: QRectF, colour: QColor, width: float = 1.0, style: Qt.PenStyle = Qt.PenStyle.SolidLine
) -> None:
    """A line with a dark halo, visible on light and dark maps."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(_HALO, width + 2))
    painter.drawRect(rect)
    painter.setPen(QPen(colour, width, style))
    painter.drawRect(rect)


def draw_detections(painter: QPainter, view: View, detections: Detections, names: Sequence[str], named: bool) -> None:
    """The model's boxes in the colours of their classes.

    Args:
        painter: in view px.
        view: where the picture lies.
        detections: the boxes.
        names: class names by label.
        named: draw with a halo, and write class and score at each box that is large enough.
    """
    rows = list(zip(detections.boxes_img.tolist(), detections.labels.tolist(), detections.scores.tolist(), strict=True))
    # the best last, on top of the others
    for box, label, score in reversed(rows):
        rect, colour = view.rect(tuple(box)), QColor(class_colour(label))
        if not named:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colour, 1))
            painter.drawRect(rect)
            continue
        _outline(painter, rect, colour, 1.6)
        if rect.width() >= _NAMED_FROM and rect.intersects(QRectF(0, 0, *view.size)):
            name = names[label] if label < len(names) else str(label)
            _name(painter, view, rect.topLeft(), f"{name} {score:.2f}", colour.darker(220))


def _name(painter: QPainter, view: View, corner: QPointF, text: str, ground: QColor) -> None:
    """A chip at the corner of a box, moved to where all of it is in view."""
    width, height = painter.fontMetrics().horizontalAdvance(text) + 10, painter.fontMetrics().height() + 2
    x = min(max(corner.x() + 1, 0.0), view.size[0] - width)
    draw_chip(painter, QPointF(x, min(max(corner.y() + 1, 0.0), view.size[1] - height)), text, ground)


def draw_truth(painter: QPainter, view: View, rows: Sequence[ObjectRow], named: bool, vector: bool = False) -> None:
    """The annotated objects, by what became of each.

    Args:
        painter: in view px.
        view: where the picture lies.
        rows: the objects.
        named: write the class at each.
        vector: outlines as rectangles of their own.
    """
    width, height = (max(1, round(side)) for side in view.size)
    frame = Frame(view.scale, view.offset, (height, width))
    paint_truth(painter, rows, frame, Look(ratio=view.ratio, vector=vector), len(rows) if named else 0)


def draw_box(painter: QPainter, view: View, box_img: Box) -> None:
    """The box that the user drew."""
    _outline(painter, view.rect(box_img), _WHITE, 1.5, Qt.PenStyle.DashLine)


def draw_probe(painter: QPainter, view: View, probe: Probe, own: str, receptive: str | None) -> None:
    """The cell under the cursor of every level, that of the map's own level thicker.

    Args:
        painter: in view px.
        view: where the picture lies.
        probe: the levels under the cursor.
        own: the map's level.
        receptive: the level whose receptive field is outlined, or None.
    """
    for row in probe.rows:
        colour = QColor(level_colour(row.level))
        if row.level == receptive:
            _outline(painter, view.rect(row.receptive_img), colour.lighter(130), 1.2, Qt.PenStyle.DashLine)
        if row.level != own:
            painter.setPen(QPen(colour, 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(view.rect(row.cell_box_img))
    for row in probe.rows:
        if row.level == own:
            _outline(painter, view.rect(row.cell_box_img), _WHITE, 1.5)


def draw_cross(painter: QPainter, view: View, point_img: tuple[float, float]) -> None:
    """The place of the cursor, shown in every view."""
    x, y = (p * view.scale + o for p, o in zip(point_img, view.offset, strict=True))
    lines = [QLineF(x - _CROSS, y, x + _CROSS, y), QLineF(x, y - _CROSS, x, y + _CROSS)]
    for colour, width in ((_HALO, 3.0), (_WHITE, 1.0)):
        painter.setPen(QPen(colour, width))
        painter.drawLines(lines)


def draw_broken(painter: QPainter, view: View, plane: Plane) -> None:
    """Hatches the cells that hold NaN or infinity; beyond some thousand in view only the notice tells of them."""
    assert plane.broken_at is not None
    rows, columns = np.nonzero(plane.broken_at)
    h, w = plane.broken_at.shape
    x0, y0, x1, y1 = plane.box_img
    (dx, dy), (sx, sy) = view.offset, ((x1 - x0) / w * view.scale, (y1 - y0) / h * view.scale)
    left, top = (x0 + columns * (x1 - x0) / w) * view.scale + dx, (y0 + rows * (y1 - y0) / h) * view.scale + dy
    seen = (left < view.size[0]) & (top < view.size[1]) & (left + sx > 0) & (top + sy > 0)
    painter.setPen(Qt.PenStyle.NoPen)
    for x, y in zip(left[seen][:_HATCHED].tolist(), top[seen][:_HATCHED].tolist(), strict=True):
        rect = QRectF(x, y, sx, sy)
        painter.fillRect(rect, _HALO)
        painter.fillRect(rect, _HATCH)
