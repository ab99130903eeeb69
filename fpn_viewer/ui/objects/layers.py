"""All that the Object tab draws over the picture, on one painter: for the window, a saved picture and a vector file alike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPen

from fpn_viewer.core.imaging.colours import class_colour, level_colour
from fpn_viewer.ui.anchors.backdrop import Backdrop
from fpn_viewer.ui.anchors.bars import paint_bars, unit_bar
from fpn_viewer.ui.anchors.marks import frame_rect, paint_frame, paint_labels, view_rect
from fpn_viewer.ui.objects import texts
from fpn_viewer.ui.objects.found import QUIET, found_marks, found_outlines, kinds_of, paint_crosses
from fpn_viewer.ui.objects.near import IOU_LUT, NearCells, near_outlines
from fpn_viewer.ui.objects.outlines import draw_outlines
from fpn_viewer.ui.objects.truth import look_of, mark_under, truth_marks, truth_outlines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import QPointF
    from PySide6.QtGui import QPainter

    from fpn_viewer.core.analysis.line import LifeLine, NearBoxes
    from fpn_viewer.core.geometry import Box
    from fpn_viewer.core.imaging.boxes import Frame
    from fpn_viewer.engine.values import TraceView
    from fpn_viewer.ui.anchors.look import Look
    from fpn_viewer.ui.objects.found import FoundMark
    from fpn_viewer.ui.objects.outlines import Outlines
    from fpn_viewer.ui.objects.truth import TruthMark
    from fpn_viewer.viewmodels.objects import ObjectRow, ObjectsState
    from fpn_viewer.viewmodels.question import QuestionState

_WHITE = QColor("#FFFFFF")
#: over the picture, around the asked object
_VEIL = QColor(0, 0, 0, 85)
#: what is not asked about is drawn with this alpha (0..255) while something is
_ASIDE = 150
#: per cent by which the plates of its labels are darker, which leaves their text readable
_DARKER = 190
#: width of the colour bar, view px
_BAR = 112.0
#: labels drawn, the most important ones, and during a gesture: a hundred take 7 ms
_LABELS, _MOVING_LABELS = 48, 16
#: view px around an object where a click still means it
REACH = 4.0


@dataclass(frozen=True)
class Label:
    """A text at a box.

    Attributes:
        rect: the box, view px.
        text: what is written.
        colour: of the plate.
        style: of the box's line.
    """

    rect: QRectF
    text: str
    colour: QColor
    style: Qt.PenStyle = Qt.PenStyle.SolidLine


@dataclass
class Shown:
    """What is drawn.

    Attributes:
        trace: of the current picture, or None.
        objects: annotated objects, or None before anybody has said.
        question: what is asked, or None.
        detections: detections are drawn.
    """

    trace: TraceView | None = None
    objects: ObjectsState | None = None
    question: QuestionState | None = None
    detections: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """The detector's class names by label."""
        return self.trace.spec.class_names if self.trace is not None else ()

    @property
    def box_img(self) -> Box | None:
        """The asked object, or the annotation that is looked at although it cannot be asked about."""
        if self.question is not None and self.question.asked is not None:
            return self.question.asked.box_img
        row = texts.current_row(self.objects) if self.objects is not None else None
        return row.box_img if row is not None else None


class ObjectLayers:
    """Paints the picture, ground truth, detections, and the asked object with its candidates.

    Attributes:
        shown: what is drawn; `follow` after it was changed.
        backdrop: the picture.
        near: the candidates of the chosen stage, or None.
        cells: where they grew.
    """

    def __init__(self) -> None:
        """Makes layers that show nothing."""
        self.shown = Shown()
        self.backdrop = Backdrop()
        self.cells = NearCells()
        self.near: NearBoxes | None = None

    def follow(self, level: str) -> None:
        """Takes over what `shown` holds.

        Args:
            level: whose cells are shown, where candidates grew from it.
        """
        question = self.shown.question
        self.near = question.near if question is not None and question.asked is not None and self.shown.trace is not None else None
        self.cells.choose(self.near, self.shown.trace, level)

    def truth_at(self, point: QPointF, frame: Frame) -> TruthMark | None:
        """The annotated object under a point of the view."""
        return mark_under(truth_marks(self._truth(), frame), point, REACH)

    def found_at(self, point: QPointF, frame: Frame) -> FoundMark | None:
        """The detection under a point of the view."""
        around = [mark for mark in self._found_marks(frame) if mark.rect.contains(point)]
        return min(around, key=lambda mark: mark.rect.width() * mark.rect.height(), default=None)

    def paint(self, painter: QPainter, frame: Frame, look: Look) -> None:
        """Paints everything but what follows the mouse.

        Args:
            painter: in view px.
            frame: where the picture lies, view px.
            look: whether a gesture is going on, and whether anything lies over the picture.
        """
        painter.save()
        self.backdrop.draw(painter, frame, look.ratio, look.moving)
        if look.overlays:
            self._paint_over(painter, frame, look)
        painter.restore()

    def _paint_over(self, painter: QPainter, frame: Frame, look: Look) -> None:
        asked = self.shown.box_img
        if asked is not None:
            self._paint_veil(painter, view_rect(asked, frame), frame)
            self.cells.draw(painter, frame)
        draw_outlines(painter, self._outlines(), frame, look)
        labels = self._label_others(painter, frame)
        if asked is not None:
            # names of what has no say would cover what has: elsewhere, and wherever the boxes of a stage are drawn
            near = view_rect(asked, frame) if self.near is None else QRectF()
            labels = [Label(one.rect, one.text, one.colour.darker(_DARKER)) for one in labels if one.rect.intersects(near)]
            deciding = self._paint_deciding(painter, frame)
            labels = [*self._paint_asked(painter, frame, look, asked), *deciding, *labels]
        shown = labels[: _MOVING_LABELS if look.moving else _LABELS]
        paint_labels(painter, [(label.rect, label.text, label.colour) for label in shown], frame_rect(frame))
        if self.near is not None and len(self.near):
            paint_bars(painter, [unit_bar("IoU with it", IOU_LUT)], frame_rect(frame), _BAR)

    # -- what is not asked about ----------------------------------------------------------------------------------------

    def _truth(self) -> tuple[ObjectRow, ...]:
        objects = self.shown.objects
        return objects.rows if objects is not None and objects.shown else ()

    def _kinds(self) -> Sequence[str]:
        trace, objects = self.shown.trace, self.shown.objects
        return kinds_of(trace, objects.kinds if objects is not None else ()) if trace is not None else ()

    def _outlines(self) -> list[Outlines]:
        """Lost candidates, detections, ground truth, survivors, from below; the object that is looked at is drawn by itself."""
        alpha = 255 if self.shown.box_img is None else _ASIDE
        trace, current = self.shown.trace, self.shown.objects.current if self.shown.objects is not None else None
        found = found_outlines(trace, self._kinds(), alpha) if trace is not None and self.shown.detections else []
        lost, alive = near_outlines(self.near)
        return [lost, *found, *truth_outlines([row for row in self._truth() if row.index != current], alpha), alive]

    def _found_marks(self, frame: Frame) -> list[FoundMark]:
        trace = self.shown.trace
        return found_marks(trace, self._kinds(), frame) if trace is not None and self.shown.detections else []

    def _label_others(self, painter: QPainter, frame: Frame) -> list[Label]:
        """Marks the detections that count for nothing; labels of missed objects come before theirs, of found ones behind."""
        current = self.shown.objects.current if self.shown.objects is not None else None
        found, truth = self._found_marks(frame), truth_marks(self._truth(), frame)
        painter.setOpacity(1.0 if self.shown.box_img is None else _ASIDE / 255)
        paint_crosses(painter, found)
        painter.setOpacity(1.0)
        wrong = [Label(mark.rect, mark.text, mark.colour.darker(_DARKER)) for mark in found if mark.kind not in QUIET]
        named = [Label(mark.rect, mark.text, QColor(mark.look.colour)) for mark in truth if mark.row != current]
        missed = sum(mark.look.text != "found" for mark in truth if mark.row != current)
        return [*named[:missed], *wrong, *named[missed:]]

    # -- what is ------------------------------------------------------------------------------------------------------

    def _paint_veil(self, painter: QPainter, asked: QRectF, frame: Frame) -> None:
        """Darkens the picture around the asked object."""
        if self.shown.trace is None:
            return
        height, width = self.shown.trace.geometry.image_size
        view = view_rect((0, 0, width, height), frame).intersected(frame_rect(frame))
        hole = asked.intersected(view)
        above = QRectF(view.left(), view.top(), view.width(), hole.top() - view.top())
        below = QRectF(view.left(), hole.bottom(), view.width(), view.bottom() - hole.bottom())
        left = QRectF(view.left(), hole.top(), hole.left() - view.left(), hole.height())
        right = QRectF(hole.right(), hole.top(), view.right() - hole.right(), hole.height())
        for part in [view] if hole.isEmpty() else [above, below, left, right]:
            painter.fillRect(part, _VEIL)

    def _paint_asked(self, painter: QPainter, frame: Frame, look: Look, box_img: Box) -> list[Label]:
        shown, rect = self.shown, view_rect(box_img, frame)
        row = texts.current_row(shown.objects) if shown.objects is not None else None
        _paint_glow(painter, rect)
        if row is not None:
            # by itself a rectangle costs less than a raster
            draw_outlines(painter, truth_outlines([row]), frame, replace(look, vector=True))
        else:
            paint_frame(painter, rect, _WHITE, Qt.PenStyle.DashLine)
        name = row.name if row is not None else texts.class_text(shown.names, self._label())
        return [Label(rect, name, QColor(look_of(row).colour) if row is not None else _WHITE)]

    def _label(self) -> int | None:
        question = self.shown.question
        return question.asked.label if question is not None and question.asked is not None else None

    def _paint_deciding(self, painter: QPainter, frame: Frame) -> list[Label]:
        """The candidate that came closest, the box that removed it, and the detection that stands in its place."""
        question = self.shown.question
        if question is None or question.line is None:
            return []
        labels = _deciding(question.line, question.stage, self.shown.names, frame)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for label in reversed(labels):
            paint_frame(painter, label.rect, label.colour, label.style)
        return labels


def _deciding(line: LifeLine, stage_name: str, names: tuple[str, ...], frame: Frame) -> list[Label]:
    labels = []
    stage = next((one for one in line.stages if one.name == (stage_name or line.killer)), None)
    if stage is not None and stage.box_img is not None:
        labels.append(Label(view_rect(stage.box_img, frame), texts.stage_label(stage), _WHITE, Qt.PenStyle.DashDotLine))
    remover = line.suppressor
    if remover is not None:
        colour = QColor(level_colour(remover.level)) if remover.level else _WHITE
        labels.append(Label(view_rect(remover.box_img, frame), texts.suppressor_label(remover, names), colour))
    if line.rival is not None:
        colour = QColor(class_colour(line.rival.label))
        labels.append(Label(view_rect(line.rival.box_img, frame), texts.rival_label(line.rival, names), colour))
    return labels


def _paint_glow(painter: QPainter, rect: QRectF) -> None:
    """A light ring around the asked object."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for out, alpha in ((3.5, 255), (5.0, 150), (6.5, 70)):
        painter.setPen(QPen(QColor(255, 255, 255, alpha), 1.5))
        painter.drawRect(rect.adjusted(-out, -out, out, out))
