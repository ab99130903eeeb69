"""Boxes over the maps: detections of A and B as what they are in the other, and annotated objects with what became of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor

from fpn_viewer.core.analysis.words import stage_title
from fpn_viewer.core.comparison.values import PAIRS, STATUSES
from fpn_viewer.core.numbers import significant
from fpn_viewer.ui.anchors.marks import frame_rect, view_rect
from fpn_viewer.ui.compare import texts
from fpn_viewer.ui.compare.looks import PAIR_LOOKS, STATUS_LOOKS
from fpn_viewer.ui.objects.outlines import Outlines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import QPointF, QRectF
    from PySide6.QtGui import QFontMetricsF

    from fpn_viewer.core.comparison.values import DetectionPair, ObjectRow
    from fpn_viewer.core.geometry import Box
    from fpn_viewer.core.imaging.boxes import Frame
    from fpn_viewer.engine.compare_values import CompareView
    from fpn_viewer.ui.objects.outcomes import OutcomeLook

#: alpha (0..255) of what is the same in both, and of what only the other side has
_QUIET, _GHOST = 150, 120
_SINGLE, _DOUBLE = (0, 1), (0, 3)
#: kinds without a label: there is nothing to say about them
_SILENT = frozenset({"same"})
#: kinds that are drawn with a thick line on a dark halo
_LOUD = frozenset({"only A", "only B", "relabelled"})
#: statuses, those first whose labels matter most
_TELLING = ("only A", "only B", "neither", "unknown", "both")
#: share of its label that a box must be wide to have one: labels of smaller ones would lie on their neighbours
_LABELLED_FROM = 0.6
#: plates of labels are so much darker than their boxes, per cent, which leaves their text readable
_DARKER = 170
#: view px that the ring around the object that is looked at takes
_RING = 8.0


@dataclass(frozen=True)
class Mark:
    """One box.

    Attributes:
        box_img: xyxy image px.
        look: its line.
        label: what is written at it; "" for nothing.
        tip: what the tooltip says.
        alpha: 0..255.
        ghost: it is the other side's.
        thin: a line of one px.
        number: of the object it stands for; -1 for a detection.
        pair: of the detections it belongs to; -1 for an object.
    """

    box_img: Box
    look: OutcomeLook
    label: str
    tip: str
    alpha: int = 255
    ghost: bool = False
    thin: bool = False
    number: int = -1
    pair: int = -1


def found_marks(view: CompareView, letter: str, told: frozenset[tuple[str, int]] = frozenset()) -> list[Mark]:
    """The detections of a side; what only the other has as well, faintly, and with "" those of both.

    Args:
        view: both sides.
        letter: "A", "B" or "".
        told: (side, row) of the detections that match an annotated object, which says what became of it.
    """
    marks: list[Mark] = []
    for number, pair in enumerate(view.detections):
        for side, row in (("A", pair.a), ("B", pair.b)):
            if row is not None and _is_drawn(pair, side, letter):
                ghost, quiet = bool(letter) and side != letter, pair.kind in _SILENT or (side, row) in told
                marks.append(_found_mark(view, number, pair, side, row, ghost, quiet))
    # what is about one side only lies on top, best first
    order = list(PAIR_LOOKS)
    return sorted(marks, key=lambda mark: (mark.ghost, order.index(view.detections[mark.pair].kind)))


def _is_drawn(pair: DetectionPair, side: str, letter: str) -> bool:
    if letter:
        return side == letter or (pair.a if letter == "A" else pair.b) is None
    # of one place, one box is enough
    return side == "A" or pair.a is None or pair.kind == "moved"


def _found_mark(view: CompareView, number: int, pair: DetectionPair, side: str, row: int, ghost: bool, quiet: bool) -> Mark:
    look = PAIR_LOOKS[pair.kind]
    name = texts.class_name(view, side, row)
    return Mark(
        box_img=texts.found_box(view, side, row),
        look=look,
        label="" if ghost or quiet else pair_label(view, pair, name, side),
        tip=pair_tip(view, pair, name),
        alpha=_GHOST if ghost else _QUIET if quiet else 255,
        ghost=ghost,
        thin=quiet or ghost or pair.kind not in _LOUD,
        pair=number,
    )


def pair_label(view: CompareView, pair: DetectionPair, name: str, side: str) -> str:
    """What is written at a detection: "car 0.91 → 0.62", "car 0.40 only A"."""
    if pair.kind == "rescored" and pair.score_a is not None and pair.score_b is not None:
        return f"{name} {pair.score_a:.2f} → {pair.score_b:.2f}"
    if pair.kind == "relabelled" and pair.a is not None and pair.b is not None:
        return f"{texts.class_name(view, 'A', pair.a)} → {texts.class_name(view, 'B', pair.b)}"
    score = pair.score_a if side == "A" else pair.score_b
    if pair.kind == "moved":
        return f"{side} {name} {score:.2f} · IoU {pair.iou:.2f}"
    return f"{name} {score:.2f} {pair.kind}"


def pair_tip(view: CompareView, pair: DetectionPair, name: str) -> str:
    """The tooltip of a detection: what it is in the other, and both scores."""
    scores = [
        f"{letter}: {texts.class_name(view, letter, row)} {significant(score)}"
        for letter, row, score in (("A", pair.a, pair.score_a), ("B", pair.b, pair.score_b))
        if row is not None and score is not None
    ]
    both = f"IoU of the two boxes {significant(pair.iou)}" if pair.iou else ""
    return "\n".join(filter(None, [f"{name}: {PAIRS[pair.kind]}", *scores, both]))


def object_marks(rows: Sequence[ObjectRow], letter: str) -> list[Mark]:
    """Annotated objects; those that a side lost are dashed in that side's picture.

    Args:
        rows: the objects.
        letter: "A", "B" or "".
    """
    return [_object_mark(row, letter) for row in sorted(rows, key=lambda row: _TELLING.index(row.status))]


def _object_mark(row: ObjectRow, letter: str) -> Mark:
    look = STATUS_LOOKS[row.status]
    if letter and row.status in ("only A", "only B"):
        held = row.status.endswith(letter)
        look = replace(look, style=Qt.PenStyle.SolidLine if held else Qt.PenStyle.DashLine)
    quiet = row.status in ("both", "unknown")
    return Mark(row.box_img, look, "" if quiet else f"{row.name}: {look.text}", object_tip(row), thin=quiet, number=row.number)


def told_by(rows: Sequence[ObjectRow]) -> frozenset[tuple[str, int]]:
    """The detections, as (side, row), that count for one of some objects."""
    found = ((letter, number) for row in rows for letter, number in zip("AB", row.detections, strict=True))
    return frozenset((letter, number) for letter, number in found if number is not None)


def object_tip(row: ObjectRow) -> str:
    """The tooltip of an object: what became of it in both, and where they part."""
    lines = [f"{row.name}: {STATUSES[row.status]}"]
    lines += [f"{letter}: {end.verdict}" for letter, end in (("A", row.a), ("B", row.b)) if end is not None]
    if row.differs_at:
        lines.append(f"They part at {stage_title(row.differs_at)}.")
    return "\n".join(lines)


# -- drawing ----------------------------------------------------------------------------------------------------------


def outlines(marks: Sequence[Mark]) -> list[Outlines]:
    """Boxes grouped by how they are drawn, what is quiet below."""
    groups: dict[tuple[object, ...], list[Mark]] = {}
    for mark in marks:
        groups.setdefault((mark.thin, mark.alpha, mark.look.style, mark.look.double), []).append(mark)
    parts = []
    for (thin, alpha, style, double), alike in sorted(groups.items(), key=lambda group: (not group[0][0], group[0][1])):
        colours = [QColor(mark.look.colour) for mark in alike]
        argb = np.array([(colour.rgb() & 0xFFFFFF) | int(str(alpha)) << 24 for colour in colours], np.uint32)
        insets = _DOUBLE if double else _SINGLE
        boxes = np.array([mark.box_img for mark in alike], np.float32)
        assert isinstance(style, Qt.PenStyle)
        parts.append(Outlines(boxes, argb, style, insets[:1] if thin else insets, halo=not thin))
    return parts


def labels(marks: Sequence[Mark], frame: Frame, metrics: QFontMetricsF, most: int) -> list[tuple[QRectF, str, QColor]]:
    """The labels in view as (box, text, colour of the plate), most important first.

    Args:
        marks: in order of importance.
        frame: where the picture lies, view px.
        metrics: of their font.
        most: how many at most.
    """
    view, made = frame_rect(frame), []
    for mark in marks:
        rect = view_rect(mark.box_img, frame)
        fits = mark.label and rect.intersects(view) and rect.width() >= _LABELLED_FROM * metrics.horizontalAdvance(mark.label)
        if fits:
            made.append((rect, mark.label, QColor(mark.look.colour).darker(_DARKER)))
    return made[:most]


def current_label(row: ObjectRow, frame: Frame) -> tuple[QRectF, str, QColor]:
    """The label of the object that is looked at, as (box, text, colour of the plate); outside of its ring."""
    look = STATUS_LOOKS[row.status]
    around = view_rect(row.box_img, frame).adjusted(-_RING, -_RING, _RING, _RING)
    return around, f"{row.name}: {look.text}", QColor(look.colour).darker(_DARKER)


def mark_under(marks: Sequence[Mark], point: QPointF, frame: Frame, reach: float = 4.0) -> Mark | None:
    """The smallest box around a point, edges counted `reach` view px further out; objects before detections."""
    around = []
    for mark in marks:
        rect = view_rect(mark.box_img, frame)
        if rect.adjusted(-reach, -reach, reach, reach).contains(point):
            around.append((mark.number < 0, mark.ghost, rect.width() * rect.height(), mark))
    return min(around, key=lambda entry: entry[:3])[3] if around else None
