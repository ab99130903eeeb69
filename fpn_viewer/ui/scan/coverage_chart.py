"""The chart of anchor coverage: best overlap against size, the sizes that no anchor fits, and how many objects have them."""

from __future__ import annotations

from math import inf, log2
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPalette, QPen, QPolygonF

from fpn_viewer.core.numbers import significant
from fpn_viewer.engine.scan.filters import Filter
from fpn_viewer.engine.scan.looks import state_look
from fpn_viewer.engine.scan.words import counted, share
from fpn_viewer.ui.panels.probe_paint import mixed
from fpn_viewer.ui.scan.axes import counts_up_to, paint_across, paint_up
from fpn_viewer.ui.scan.chart import Chart, Mark, box_path
from fpn_viewer.ui.scan.looks import fill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtGui import QPainter
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.engine.scan.dataset.values import Coverage, Fit, SizeBin

NOW, PROPOSED = QColor("#0072B2"), QColor("#D55E00")
#: objects that no anchor reaches look like those that are lost at the anchors
LOST = state_look("anchors")
_LEFT, _RIGHT, _GAP = 56.0, 16.0, 8.0
#: share of the height that the counts get
_COUNTS = 0.22
_SAMPLE = 26.0
_FAINT = 0.18


class CoverageChart(Chart):
    """Every size is a part that can be chosen: its objects that no anchor reaches."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes an empty chart."""
        super().__init__("Best anchor overlap against size", parent)
        self._coverage: Coverage | None = None
        self._proposed: Fit | None = None
        self._chosen = Filter()

    def show_coverage(self, coverage: Coverage | None, proposed: Fit | None, chosen: Filter) -> None:
        """Draws other numbers.

        Args:
            coverage: of the detector's anchors; None for nothing.
            proposed: of other anchors, drawn beside them; None without.
            chosen: the filter whose objects these are; a part that is chosen narrows it.
        """
        self._coverage, self._proposed, self._chosen = coverage, proposed, chosen
        self.refresh()

    def sizeHint(self) -> QSize:
        """Room in which it reads well."""
        return QSize(640, 340)

    # -- places -----------------------------------------------------------------------------------------------------

    @property
    def _line(self) -> float:
        return float(self.fontMetrics().height())

    @property
    def plot(self) -> QRectF:
        """Where overlaps are drawn."""
        top = 2 * self._line + 10
        room = self.height() - top - 2 * self._line - 14
        return QRectF(_LEFT, top, max(1.0, self.width() - _LEFT - _RIGHT), max(1.0, room * (1 - _COUNTS) - self._line - _GAP))

    @property
    def counts(self) -> QRectF:
        """Where objects are counted, below."""
        plot = self.plot
        top = plot.bottom() + self._line + _GAP
        return QRectF(plot.left(), top, plot.width(), max(1.0, self.height() - 2 * self._line - 14 - top))

    def _x(self, side: float) -> float:
        assert self._coverage is not None
        bins = self._coverage.now.bins
        low, high = log2(bins[0].low), log2(bins[-1].high)
        at = (log2(min(max(side, bins[0].low), bins[-1].high)) - low) / (high - low)
        return self.plot.left() + at * self.plot.width()

    def _y(self, overlap: float) -> float:
        return self.plot.bottom() - overlap * self.plot.height()

    def arrange(self) -> tuple[Mark, ...]:
        """A part for each size that has objects."""
        return tuple(self._bins()) if self._coverage is not None else ()

    def _bins(self) -> Iterator[Mark]:
        assert self._coverage is not None
        high, top, bottom = self._coverage.rules.high, self.plot.top(), self.counts.bottom()
        for one in self._coverage.now.bins:
            if one.objects:
                left, right = self._x(one.low), self._x(one.high)
                rect = QRectF(left, top, right - left, bottom - top)
                name = bin_words(one, high)
                tip = f"{name}\nClick to list those that no anchor reaches"
                yield Mark(
                    box_path(rect), rect.center(), name, tip, self._narrowed(one, high) if one.objects > one.reached else None
                )

    def _narrowed(self, one: SizeBin, high: float) -> Filter:
        chosen = self._chosen
        return Filter(
            detector=chosen.detector, classes=chosen.classes, text=chosen.text, sides=(one.low, one.high), anchor_ious=(None, high)
        )

    # -- drawing ----------------------------------------------------------------------------------------------------

    def paint(self, painter: QPainter) -> None:
        """Holes, cloud, lines, limits, counts and legend."""
        if self._coverage is None:
            return
        plot, ground = self.plot, self.palette().color(QPalette.ColorRole.Base)
        for rect in (plot, self.counts):
            painter.fillRect(rect, ground)
        self._paint_holes(painter)
        self._paint_cloud(painter)
        grid = mixed(self.ink(muted=True), ground, 0.3)
        paint_up(painter, plot, [(self._y(v), f"{v:g}") for v in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)], grid, self.ink())
        self._paint_response(painter)
        self._paint_median(painter, self._coverage.now, NOW, Qt.PenStyle.SolidLine)
        if self._proposed is not None:
            self._paint_median(painter, self._proposed, PROPOSED, Qt.PenStyle.DashLine)
        self._paint_limits(painter)
        self._paint_counts(painter, grid)
        self._paint_legend(painter)

    def _paint_holes(self, painter: QPainter) -> None:
        assert self._coverage is not None
        plot, colour = self.plot, mixed(QColor(LOST.colour), self.palette().color(QPalette.ColorRole.Base), _FAINT)
        line = self._line
        taken = -inf
        for hole in self._coverage.now.holes:
            left, right = self._x(hole.low or 1e-9), self._x(hole.high if hole.high < inf else 1e9)
            if right - left < 1:
                continue
            painter.fillRect(QRectF(left, plot.top(), right - left, plot.height()), colour)
            width = painter.fontMetrics().horizontalAdvance(hole.span)
            start = min(max((left + right - width) / 2, plot.left()), plot.right() - width)
            if start > taken:
                painter.setPen(self.ink())
                painter.drawText(QRectF(start, plot.top() - line - 2, width + 2, line), Qt.AlignmentFlag.AlignLeft, hole.span)
                taken = start + width + 8

    def _paint_cloud(self, painter: QPainter) -> None:
        assert self._coverage is not None
        now, most = self._coverage.now, max(1, int(self._coverage.now.cloud.max()))
        steps = now.cloud.shape[1]
        colour = QColor(NOW)
        for row, step in np.argwhere(now.cloud > 0).tolist():
            one = now.bins[row]
            left, right = self._x(one.low), self._x(one.high)
            colour.setAlphaF(0.08 + 0.5 * (now.cloud[row, step] / most) ** 0.5)
            painter.fillRect(QRectF(left, self._y((step + 1) / steps), right - left, self.plot.height() / steps), colour)

    def _paint_limits(self, painter: QPainter) -> None:
        assert self._coverage is not None
        rules, plot, line = self._coverage.rules, self.plot, self._line
        for limit, text in ((rules.high, f"foreground from {rules.high:g}"), (rules.low, f"background below {rules.low:g}")):
            y = self._y(limit)
            painter.setPen(QPen(self.ink(), 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(self.ink())
            # each on its own side: both may be close
            top = y - line - 1 if limit == rules.high else y + 1
            painter.drawText(QRectF(plot.left() + 6, top, plot.width(), line), Qt.AlignmentFlag.AlignLeft, text)

    def _paint_response(self, painter: QPainter) -> None:
        assert self._coverage is not None
        bins = self._coverage.now.bins
        sides, mean, _ = self._coverage.now.response
        seen = (sides >= bins[0].low) & (sides <= bins[-1].high)
        points = [QPointF(self._x(side), self._y(value)) for side, value in zip(sides[seen], mean[seen], strict=True)]
        painter.setPen(QPen(self.ink(muted=True), 1.2, Qt.PenStyle.DotLine))
        painter.drawPolyline(QPolygonF(points))

    def _paint_median(self, painter: QPainter, fit: Fit, colour: QColor, style: Qt.PenStyle) -> None:
        points = [
            QPointF((self._x(one.low) + self._x(one.high)) / 2, self._y(one.quantiles[1])) for one in fit.bins if one.quantiles
        ]
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Base), 5))
        painter.drawPolyline(QPolygonF(points))
        painter.setPen(QPen(colour, 2.2, style))
        painter.drawPolyline(QPolygonF(points))
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Base), 1))
        painter.setBrush(colour)
        for point in points:
            painter.drawEllipse(point, 3.5, 3.5)

    def _paint_counts(self, painter: QPainter, grid: QColor) -> None:
        assert self._coverage is not None
        now, room, base = self._coverage.now, self.counts, self.palette().color(QPalette.ColorRole.Base)
        ticks = counts_up_to(max(one.objects for one in now.bins), 2)
        scale = room.height() / ticks[-1]
        paint_up(painter, room, [(room.bottom() - t * scale, f"{t:,.0f}") for t in ticks], grid, self.ink())
        for one in now.bins:
            left, width = self._x(one.low) + 0.5, self._x(one.high) - self._x(one.low) - 1
            lost = (one.objects - one.reached) * scale
            painter.fillRect(QRectF(left, room.bottom() - one.objects * scale, width, one.reached * scale), mixed(NOW, base, 0.45))
            fill(painter, QRectF(left, room.bottom() - lost, width, lost), LOST, base)
        low, high = log2(now.bins[0].low), log2(now.bins[-1].high)
        powers = [2.0**k for k in range(-3, 13) if low - 1e-9 <= k <= high + 1e-9]
        paint_across(painter, room, [(self._x(side), f"{side:g}") for side in powers], grid, self.ink())
        painter.setPen(self.ink(muted=True))
        title = "side of the object, net px (root of its area)"
        painter.drawText(
            QRectF(room.left(), room.bottom() + self._line + 4, room.width(), self._line), Qt.AlignmentFlag.AlignCenter, title
        )

    def _paint_legend(self, painter: QPainter) -> None:
        x, y, metrics = _LEFT, self._line / 2 + 2, painter.fontMetrics()
        base = self.palette().color(QPalette.ColorRole.Base)
        for text, colour, style in self._legend():
            width = _SAMPLE + 5 + metrics.horizontalAdvance(text) + 16
            if x + width > self.width():
                return
            sample = QRectF(x, y - 5, _SAMPLE, 10)
            if style is None:
                (fill(painter, sample, LOST, base) if colour == QColor(LOST.colour) else painter.fillRect(sample, colour))
            else:
                painter.setPen(QPen(colour, 2.2, style))
                painter.drawLine(QPointF(x, y), QPointF(x + _SAMPLE, y))
            painter.setPen(self.ink())
            painter.drawText(QPointF(x + _SAMPLE + 5, y + metrics.ascent() / 2 - 1), text)
            x += width

    def _legend(self) -> Iterator[tuple[str, QColor, Qt.PenStyle | None]]:
        """(text, colour, style of a line or None for an area); what matters most comes first."""
        style, base = Qt.PenStyle, self.palette().color(QPalette.ColorRole.Base)
        yield "median now", NOW, style.SolidLine
        if self._proposed is not None:
            yield "median proposed", PROPOSED, style.DashLine
        yield "no anchor reaches them", QColor(LOST.colour), None
        yield "hole: no anchor fits a square", mixed(QColor(LOST.colour), base, _FAINT), None
        yield "square, mean over places", self.ink(muted=True), style.DotLine


def bin_words(one: SizeBin, high: float) -> str:
    """A size with its numbers: "32–40 net px: 214 objects · 93 (43 %) reach no anchor · median overlap 0.61"."""
    lost = one.objects - one.reached
    said = [f"{significant(one.low)}–{significant(one.high)} net px: {counted(one.objects)}"]
    said.append(f"no anchor overlaps {lost:,} ({share(lost, one.objects)}) by {high:g}" if lost else "an anchor reaches each")
    if one.quantiles:
        low, middle, top = (significant(value, 2) for value in one.quantiles)
        said.append(f"best overlap {middle} in the middle, {low}–{top} for 80 % of them")
    return " · ".join(said)
