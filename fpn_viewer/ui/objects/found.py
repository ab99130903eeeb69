"""Detections beside the ground truth: those that count quietly, those that count for nothing with class, score and reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QLineF
from PySide6.QtGui import QColor, QPen

from fpn_viewer.core.imaging.colours import class_colour
from fpn_viewer.ui.anchors.marks import class_name, frame_rect, view_rect
from fpn_viewer.ui.objects.outlines import HALO, Outlines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import QRectF
    from PySide6.QtGui import QPainter

    from fpn_viewer.core.imaging.boxes import Frame
    from fpn_viewer.engine.values import TraceView

#: kinds of detections that are as they should be: thin and without words
QUIET = frozenset({"match", "ignored"})
#: what is wrong with a detection, by kind
WORDS: dict[str, str] = {
    "background": "no annotated object is here",
    "duplicate": "the object under it has a better detection already",
    "wrong class": "the object under it is of another class",
    "badly placed": "it overlaps its object too little",
}
_QUIET_ALPHA = 140
#: view px of the arms of the cross in a detection that counts for nothing, and the box side from which it has one
_ARM, _CROSSED_FROM = 3.0, 14.0


@dataclass(frozen=True)
class FoundMark:
    """One detection on the screen.

    Attributes:
        row: of the trace's detections.
        rect: view px.
        colour: of its class.
        kind: as `Matching.kinds`; "" where the picture is not annotated.
        text: class and score.
    """

    row: int
    rect: QRectF
    colour: QColor
    kind: str
    text: str


def kinds_of(trace: TraceView, kinds: Sequence[str]) -> Sequence[str]:
    """The kind of each detection; "" where the picture is not annotated or not matched yet."""
    return kinds if len(kinds) == len(trace.detections) else [""] * len(trace.detections)


def found_marks(trace: TraceView, kinds: Sequence[str], frame: Frame) -> list[FoundMark]:
    """The detections with a px in the view, best first.

    Args:
        trace: whose they are.
        kinds: of each, from `kinds_of`.
        frame: where the picture lies, view px.
    """
    found, view, marks = trace.detections, frame_rect(frame), []
    columns = (found.labels.tolist(), found.scores.tolist(), found.boxes_img.tolist(), kinds)
    for row, (label, score, box, kind) in enumerate(zip(*columns, strict=True)):
        rect = view_rect(box, frame)
        if rect.intersects(view):
            marks.append(FoundMark(row, rect, QColor(class_colour(label)), kind, f"{class_name(trace, label)} {score:.2f}"))
    return marks


def found_outlines(trace: TraceView, kinds: Sequence[str], alpha: int) -> list[Outlines]:
    """The detections' boxes, thin; those that are as they should be without halo and below the others.

    Args:
        trace: whose they are.
        kinds: of each, from `kinds_of`.
        alpha: 0..255.
    """
    quiet = np.array([kind in QUIET for kind in kinds], np.bool_)
    rgb = np.array([QColor(class_colour(label)).rgb() & 0xFFFFFF for label in trace.detections.labels.tolist()], np.uint32)
    parts = []
    for rows, opacity in ((np.flatnonzero(quiet), _QUIET_ALPHA * alpha // 255), (np.flatnonzero(~quiet), alpha)):
        # the best last, on top of the others
        rows = rows[::-1]
        boxes = trace.detections.boxes_img[rows]
        parts.append(Outlines(boxes, rgb[rows] | np.uint32(opacity << 24), halo=opacity == alpha))
    return parts


def paint_crosses(painter: QPainter, marks: Sequence[FoundMark]) -> None:
    """Draws a cross in the corner of each detection that counts for nothing."""
    crosses: list[tuple[QColor, list[QLineF]]] = []
    for mark in marks:
        if mark.kind in WORDS and min(mark.rect.width(), mark.rect.height()) >= _CROSSED_FROM:
            x, y = mark.rect.right() - 2 * _ARM, mark.rect.top() + 2 * _ARM
            lines = [QLineF(x - _ARM, y - _ARM, x + _ARM, y + _ARM), QLineF(x - _ARM, y + _ARM, x + _ARM, y - _ARM)]
            crosses.append((mark.colour, lines))
    painter.setPen(QPen(QColor.fromRgba(HALO), 3))
    painter.drawLines([line for _, lines in crosses for line in lines])
    for colour, lines in crosses:
        painter.setPen(QPen(colour, 1))
        painter.drawLines(lines)
