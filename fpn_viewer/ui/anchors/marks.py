"""Detections as marks over the picture: rectangle, colour, label."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPen

from fpn_viewer.core.imaging.colours import class_colour, level_colour
from fpn_viewer.ui.anchors.labels import draw_label, label_size, place_labels
from fpn_viewer.ui.anchors.raster import UNKNOWN_COLOUR
from fpn_viewer.ui.anchors.scene import detections_shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import QPointF
    from PySide6.QtGui import QPainter

    from fpn_viewer.core.imaging.boxes import Frame
    from fpn_viewer.engine.values import TraceView
    from fpn_viewer.ui.anchors.scene import Scene
    from fpn_viewer.ui.anchors.state import LayersState

# opaque, because a translucent pen takes ten times as long
_HALO = 0xFF14161A


@dataclass(frozen=True)
class Mark:
    """One detection on the screen.

    Attributes:
        row: of the trace's detections.
        rect: view px.
        colour: of class or level.
        text: class and score.
    """

    row: int
    rect: QRectF
    colour: QColor
    text: str


def view_rect(box_img: Sequence[float], frame: Frame) -> QRectF:
    """A box xyxy from image px to view px."""
    scale, (dx, dy), (x0, y0, x1, y1) = frame.scale, frame.offset, box_img
    return QRectF(x0 * scale + dx, y0 * scale + dy, (x1 - x0) * scale, (y1 - y0) * scale)


def frame_rect(frame: Frame) -> QRectF:
    """The whole view, view px."""
    return QRectF(0, 0, frame.size[1], frame.size[0])


def class_name(trace: TraceView, label: int) -> str:
    """A class's name, or its number where the detector has none for it."""
    names = trace.spec.class_names
    return names[label] if 0 <= label < len(names) else f"class {label}"


def detection_marks(trace: TraceView, scene: Scene | None, state: LayersState, frame: Frame) -> list[Mark]:
    """The detections that the filters let through, best first, as they lie in the view."""
    found, rows = trace.detections, detections_shown(trace, state)
    columns = (rows, found.labels[rows], found.scores[rows], found.boxes_img[rows])
    marks = []
    for row, label, score, box in zip(*(column.tolist() for column in columns), strict=True):
        name = class_colour(label) if state.colour_by == "class" else _level_colour(trace, scene, row)
        marks.append(Mark(row, view_rect(box, frame), QColor(name), f"{class_name(trace, label)} {score:.2f}"))
    return marks


def mark_at(marks: Sequence[Mark], point: QPointF, reach: float | None) -> Mark | None:
    """The smallest mark around a point.

    Args:
        marks: the choice.
        point: view px.
        reach: only where an edge is at most so far away; None counts the whole inside.
    """
    near = [mark for mark in marks if _hit(mark.rect, point, reach)]
    return min(near, key=lambda mark: mark.rect.width() * mark.rect.height(), default=None)


def paint_marks(painter: QPainter, marks: Sequence[Mark], view: QRectF, labels: int) -> None:
    """Draws marks, the best on top, with labels where there is room for them.

    Args:
        painter: in view px.
        marks: best first.
        view: what can be seen.
        labels: of how many, the best ones, class and score are written.
    """
    seen = [mark for mark in marks if mark.rect.intersects(view)]
    painter.setBrush(Qt.BrushStyle.NoBrush)
    # in few calls, each of which costs as much as a rectangle
    near = view.adjusted(-8, -8, 8, 8)
    painter.setPen(_pen(_HALO, 4.0, Qt.PenStyle.SolidLine))
    painter.drawRects([mark.rect.intersected(near) for mark in seen])
    for rgb, group in groupby(reversed(seen), lambda mark: mark.colour.rgb()):
        painter.setPen(_pen(rgb, 2.0, Qt.PenStyle.SolidLine))
        painter.drawRects([mark.rect.intersected(near) for mark in group])
    paint_labels(painter, [(mark.rect, mark.text, mark.colour) for mark in seen[:labels]], view)


def paint_frame(painter: QPainter, rect: QRectF, colour: QColor, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> None:
    """Draws a rectangle two px wide on a dark halo, readable on any picture."""
    painter.setPen(_pen(_HALO, 4.0, Qt.PenStyle.SolidLine))
    painter.drawRect(rect)
    painter.setPen(_pen(colour.rgb(), 2.0, style))
    painter.drawRect(rect)


@lru_cache(maxsize=64)
def _pen(rgb: int, width: float, style: Qt.PenStyle) -> QPen:
    pen = QPen(QColor(rgb), width, style)
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    return pen


def paint_labels(painter: QPainter, wanted: Sequence[tuple[QRectF, str, QColor]], view: QRectF) -> None:
    """Draws labels (box, text, colour), most important first, inside the view and not on each other."""
    metrics = QFontMetricsF(painter.font())
    places = place_labels([rect for rect, _, _ in wanted], [label_size(metrics, text) for _, text, _ in wanted], view)
    for (_, text, colour), place in zip(wanted, places, strict=True):
        if place is not None:
            draw_label(painter, place, text, colour)


def _level_colour(trace: TraceView, scene: Scene | None, row: int) -> str:
    candidate = int(trace.detections.candidate[row])
    return level_colour(scene.cell_of(candidate)[0]) if scene is not None and candidate >= 0 else UNKNOWN_COLOUR


def _hit(rect: QRectF, point: QPointF, reach: float | None) -> bool:
    if reach is None:
        return rect.contains(point)
    outer, inner = rect.adjusted(-reach, -reach, reach, reach), rect.adjusted(reach, reach, -reach, -reach)
    return outer.contains(point) and not (inner.isValid() and inner.contains(point))
