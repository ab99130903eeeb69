"""Ground truth over any view of the picture: outlines that tell the outcome by colour and by line, and class names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtGui import QColor

from fpn_viewer.ui.anchors.marks import frame_rect, paint_labels, view_rect
from fpn_viewer.ui.objects.outcomes import OUTCOME_LOOKS
from fpn_viewer.ui.objects.outlines import Outlines, draw_outlines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import QPointF, QRectF
    from PySide6.QtGui import QPainter

    from fpn_viewer.core.imaging.boxes import Frame
    from fpn_viewer.ui.anchors.look import Look
    from fpn_viewer.ui.objects.outcomes import OutcomeLook
    from fpn_viewer.viewmodels.objects import ObjectRow

_SINGLE, _DOUBLE = (0, 1), (0, 3)


@dataclass(frozen=True)
class TruthMark:
    """One annotated object on the screen.

    Attributes:
        row: its place in the file.
        rect: view px.
        look: of its outcome.
        text: its class.
    """

    row: int
    rect: QRectF
    look: OutcomeLook
    text: str


def look_of(row: ObjectRow | None) -> OutcomeLook:
    """How an object is drawn; a drawn box, and one that was not run yet, in grey."""
    return OUTCOME_LOOKS.get(row.outcome if row is not None else "", OUTCOME_LOOKS[""])


def truth_marks(rows: Sequence[ObjectRow], frame: Frame) -> list[TruthMark]:
    """The objects with a px in the view, those that were missed first; boxes without area are left out."""
    view, marks = frame_rect(frame), []
    for row in rows:
        rect = view_rect(row.box_img, frame)
        if rect.isValid() and rect.intersects(view):
            marks.append(TruthMark(row.index, rect, look_of(row), row.name))
    # what was found is labelled where the others leave room
    return sorted(marks, key=lambda mark: mark.look.text == "found")


def mark_under(marks: Sequence[TruthMark], point: QPointF, reach: float) -> TruthMark | None:
    """The smallest mark around a point, edges counted `reach` view px further out."""
    around = [mark for mark in marks if mark.rect.adjusted(-reach, -reach, reach, reach).contains(point)]
    return min(around, key=lambda mark: mark.rect.width() * mark.rect.height(), default=None)


def truth_outlines(rows: Sequence[ObjectRow], alpha: int = 255, thin: bool = False) -> list[Outlines]:
    """The objects' boxes by outcome.

    Args:
        rows: the objects.
        alpha: 0..255.
        thin: lines of one px without halo, for small maps that should not be covered.
    """
    by_look: dict[OutcomeLook, list[ObjectRow]] = {}
    for row in rows:
        by_look.setdefault(look_of(row), []).append(row)
    parts = []
    for look, alike in by_look.items():
        colour = QColor(look.colour)
        colour.setAlpha(alpha)
        boxes = np.array([row.box_img for row in alike], np.float32)
        argb = np.full(len(alike), colour.rgba(), np.uint32)
        insets = _DOUBLE if look.double else _SINGLE
        parts.append(Outlines(boxes, argb, look.style, insets[:1] if thin else insets, halo=not thin))
    return parts


def paint_truth(painter: QPainter, rows: Sequence[ObjectRow], frame: Frame, look: Look, labels: int) -> None:
    """Draws ground truth.

    Args:
        painter: in view px, its font set.
        rows: the objects.
        frame: where the picture lies, view px.
        look: how.
        labels: on how many, missed ones first, the class is written; with 0 lines are thin as well.
    """
    draw_outlines(painter, truth_outlines(rows, thin=not labels), frame, look)
    marks = truth_marks(rows, frame)[:labels] if labels else []
    paint_labels(painter, [(mark.rect, mark.text, QColor(mark.look.colour)) for mark in marks], frame_rect(frame))
