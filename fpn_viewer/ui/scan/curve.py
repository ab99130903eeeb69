"""Recall against size: a line for each detector with its confidence band, over how many objects there are of each size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainterPath, QPalette, QPen, QPolygonF

from fpn_viewer.core.numbers import percent
from fpn_viewer.engine.scan.filters import LOST
from fpn_viewer.engine.scan.numbers.values import bucket_name
from fpn_viewer.engine.scan.words import PX
from fpn_viewer.ui.scan import axes
from fpn_viewer.ui.scan.chart import Chart, Mark
from fpn_viewer.ui.scan.looks import DETECTOR_LOOKS
from fpn_viewer.ui.scan.texts import ap_words, point_words

if TYPE_CHECKING:
    from PySide6.QtGui import QPainter
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.engine.scan.numbers.values import Floats, RecallCurve
    from fpn_viewer.ui.scan.looks import DetectorLook

_LEFT, _TOP, _RIGHT, _AXIS = 56.0, 12.0, 16.0, 46.0
#: height of the bars of how many objects there are
_COUNTS = 34.0
_SIGN, _REACH = 4.5, 11.0
_BAND = 0.18
#: px between the points of detectors at one size, so that none hides another
_ASIDE = 9.0


@dataclass(frozen=True)
class _Line:
    """A detector's curve, px of the chart.

    Attributes:
        curve: what is drawn.
        look: how.
        points: of each bucket; None without objects.
        ends: y of the lower and the upper end of each.
    """

    curve: RecallCurve
    look: DetectorLook
    points: tuple[QPointF | None, ...]
    ends: tuple[tuple[float, float] | None, ...]


class RecallChart(Chart):
    """Points at the middle of each size bucket; a click lists the objects that are lost there."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes an empty chart."""
        super().__init__("Recall against size; arrow keys step, Enter lists the lost objects of a size", parent)
        self._curves: tuple[RecallCurve, ...] = ()
        self._lines: tuple[_Line, ...] = ()
        self._as_ap = False
        self._plot, self._counts = QRectF(), QRectF()
        self.setMinimumHeight(200)

    def show_curves(self, curves: tuple[RecallCurve, ...], as_ap: bool) -> None:
        """Draws curves.

        Args:
            curves: one for each detector, all of the same buckets.
            as_ap: AP50 instead of recall, where it was asked for.
        """
        self._curves, self._as_ap = curves, as_ap
        self.refresh()

    # -- placing ----------------------------------------------------------------------------------------------------

    def arrange(self) -> tuple[Mark, ...]:
        """Places plot, lines and the bars of objects."""
        bottom = self.height() - _AXIS
        self._counts = QRectF(_LEFT, bottom - _COUNTS, self.width() - _LEFT - _RIGHT, _COUNTS)
        self._plot = QRectF(_LEFT, _TOP, self._counts.width(), self._counts.top() - _TOP - 6)
        self._lines = tuple(self._line(number, curve) for number, curve in enumerate(self._curves))
        return tuple(mark for line in self._lines for mark in self._marks_of(line))

    def _line(self, number: int, curve: RecallCurve) -> _Line:
        aside = (number - (len(self._curves) - 1) / 2) * _ASIDE
        values, ends = self._values(curve)
        points, spans = [], []
        for bucket, value in enumerate(values):
            x = self._x(bucket) + aside
            known = bool(np.isfinite(value))
            points.append(QPointF(x, self._y(float(value))) if known else None)
            spans.append((self._y(float(ends[bucket, 0])), self._y(float(ends[bucket, 1]))) if known else None)
        return _Line(curve, DETECTOR_LOOKS[curve.chosen.detector % len(DETECTOR_LOOKS)], tuple(points), tuple(spans))

    def _values(self, curve: RecallCurve) -> tuple[Floats, Floats]:
        if self._as_ap and curve.ap50 is not None and curve.ap50_ends is not None:
            return curve.ap50, curve.ap50_ends
        return curve.recall, curve.recall_ends

    def _x(self, bucket: int) -> float:
        """The middle of a bucket; buckets are equally wide, since each is twice as large as the one before."""
        return self._plot.left() + self._plot.width() * (bucket + 0.5) / len(self._curves[0].sizes)

    def _y(self, value: float) -> float:
        return self._plot.bottom() - self._plot.height() * value

    def _marks_of(self, line: _Line) -> list[Mark]:
        marks = []
        for bucket, point in enumerate(line.points):
            if point is None:
                continue
            path = QPainterPath()
            path.addEllipse(point, _REACH, _REACH)
            words = (ap_words if self._as_ap else point_words)(line.curve, bucket)
            lost = int(line.curve.objects[bucket] - line.curve.found[bucket])
            chosen = line.curve.picked(bucket, LOST) if lost else None
            click = f"\nClick to list the {lost:,} that it loses" if lost else "\nIt loses none of them"
            marks.append(Mark(path, point, words, words + click, chosen, line.curve.chosen.detector))
        return marks

    # -- painting ---------------------------------------------------------------------------------------------------

    def paint(self, painter: QPainter) -> None:
        """Axes, bars of objects, bands and lines."""
        if not self._curves:
            return
        grid, muted = self.palette().color(QPalette.ColorRole.Mid), self.ink(muted=True)
        painter.setFont(self.small)
        axes.paint_up(painter, self._plot, [(self._y(part), percent(part)) for part in axes.shares()], grid, muted)
        self._paint_counts(painter)
        self._paint_sizes(painter)
        for line in self._lines:
            self._paint_band(painter, line)
        for line in self._lines:
            self._paint_line(painter, line)

    def _paint_counts(self, painter: QPainter) -> None:
        """How many objects each size has: what the width of a band comes from."""
        objects = self._curves[0].objects
        most, room = max(1, int(objects.max())), self._counts
        line = painter.fontMetrics().height()
        colour = self.palette().color(QPalette.ColorRole.Mid)
        width = room.width() / len(objects) * 0.5
        for bucket, count in enumerate(objects.tolist()):
            height = (room.height() - line - 2) * count / most
            painter.fillRect(QRectF(self._x(bucket) - width / 2, room.bottom() - height, width, height), colour)
            painter.setPen(self.ink(muted=True))
            place = QRectF(self._x(bucket) - width, room.bottom() - height - line - 1, 2 * width, line)
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, f"{count:,}")

    def _paint_sizes(self, painter: QPainter) -> None:
        line, bottom = painter.fontMetrics().height(), self._counts.bottom()
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Mid), 1))
        painter.drawLine(QPointF(self._counts.left(), bottom), QPointF(self._counts.right(), bottom))
        painter.setPen(self.ink())
        for bucket, size in enumerate(self._curves[0].sizes):
            painter.drawText(QRectF(self._x(bucket) - 60, bottom + 4, 120, line), Qt.AlignmentFlag.AlignCenter, bucket_name(*size))
        painter.setPen(self.ink(muted=True))
        under = QRectF(self._counts.left(), bottom + 4 + line, self._counts.width(), line)
        painter.drawText(under, Qt.AlignmentFlag.AlignCenter, f"side of the object, {PX}; bars: how many objects")

    def _paint_band(self, painter: QPainter, line: _Line) -> None:
        colour = QColor(line.look.colour)
        colour.setAlphaF(_BAND)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        for run in _runs(line):
            upper = [QPointF(point.x(), ends[1]) for point, ends in run]
            lower = [QPointF(point.x(), ends[0]) for point, ends in reversed(run)]
            painter.drawPolygon(QPolygonF([*upper, *lower]))

    def _paint_line(self, painter: QPainter, line: _Line) -> None:
        for run in _runs(line):
            painter.setPen(line.look.pen())
            painter.drawPolyline(QPolygonF([point for point, _ in run]))
            painter.setPen(QPen(QColor(line.look.colour), 1.2))
            for point, (low, high) in run:
                painter.drawLine(QPointF(point.x(), low), QPointF(point.x(), high))
        painter.setPen(QPen(self.base(), 1))
        painter.setBrush(QColor(line.look.colour))
        for place in line.points:
            if place is not None:
                line.look.draw_sign(painter, place, _SIGN)

    def sizeHint(self) -> QSize:
        """Room for the curves."""
        return QSize(640, 360)


def _runs(line: _Line) -> list[list[tuple[QPointF, tuple[float, float]]]]:
    """Neighbouring buckets that have objects: a line does not bridge sizes of which there are none."""
    runs: list[list[tuple[QPointF, tuple[float, float]]]] = [[]]
    for point, ends in zip(line.points, line.ends, strict=True):
        if point is None or ends is None:
            runs.append([])
        else:
            runs[-1].append((point, ends))
    return [run for run in runs if run]
