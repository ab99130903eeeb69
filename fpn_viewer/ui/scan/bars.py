"""Stacked bars: the objects of each size or class by the stage that loses them, those that come furthest at the left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QFontMetricsF, QPalette

from fpn_viewer.core.numbers import percent
from fpn_viewer.engine.scan.looks import state_look
from fpn_viewer.ui.panels.probe_paint import text_on
from fpn_viewer.ui.scan import axes
from fpn_viewer.ui.scan.chart import Chart, Mark, box_path
from fpn_viewer.ui.scan.looks import fill, ground_of

if TYPE_CHECKING:
    from PySide6.QtGui import QPainter
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.engine.scan.filters import Filter

_GAP, _AXIS, _TOP, _EDGE = 12.0, 24.0, 4.0, 4.0
#: height of a row, px
_LOWEST, _HIGHEST = 24.0, 60.0
#: share of a row that its bar takes
_BAR = 0.68
#: what is pointed at is at least as wide as this
_REACH = 5.0
#: a name takes at most this share of the chart
_NAME = 0.28


@dataclass(frozen=True)
class BarPart:
    """A part of a bar.

    Attributes:
        look: a state of a funnel, whose look it has.
        count: objects.
        name: what it is, with its number.
        tip: what that means, one sentence.
        chosen: the filter of its objects; None where there is none.
    """

    look: str
    count: int
    name: str
    tip: str
    chosen: Filter | None


@dataclass(frozen=True)
class BarRow:
    """One bar.

    Attributes:
        name: at its left.
        note: at its right.
        words: what the two say of it.
        parts: from left to right.
        chosen: the filter of its lost objects; None where none is lost.
    """

    name: str
    note: str
    words: str
    parts: tuple[BarPart, ...]
    chosen: Filter | None

    @property
    def total(self) -> int:
        """Objects."""
        return sum(part.count for part in self.parts)


@dataclass(frozen=True)
class _Place:
    """Where a row lies, px of the chart."""

    name: QRectF
    bar: QRectF
    note: QRectF


class StackedBars(Chart):
    """A bar for each size bucket, or for each class; its parts are the states, the last of them first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes an empty chart."""
        super().__init__("Objects by the stage that loses them; arrow keys step, Enter filters the table", parent)
        self._rows: tuple[BarRow, ...] = ()
        self._places: tuple[_Place, ...] = ()
        self._plot = QRectF()
        self._as_shares = False

    def show_rows(self, rows: tuple[BarRow, ...], as_shares: bool) -> None:
        """Draws bars.

        Args:
            rows: from top to bottom.
            as_shares: each bar is as long as the others, its parts are shares of it.
        """
        self._rows, self._as_shares = rows, as_shares
        self.setMinimumHeight(round(_TOP + _AXIS + _LOWEST * len(rows)))
        self.refresh()

    @property
    def rows(self) -> tuple[BarRow, ...]:
        """The bars, from top to bottom."""
        return self._rows

    # -- placing ----------------------------------------------------------------------------------------------------

    def arrange(self) -> tuple[Mark, ...]:
        """Places names, bars and notes."""
        metrics = QFontMetricsF(self.figures())
        name = max((metrics.horizontalAdvance(row.name) for row in self._rows), default=0.0)
        note = max((metrics.horizontalAdvance(row.note) for row in self._rows), default=0.0)
        left = _EDGE + min(name + 2 + _GAP, _NAME * self.width())
        self._plot = QRectF(left, _TOP, max(40.0, self.width() - left - note - 2 * _GAP), self.height() - _TOP - _AXIS)
        each = min(_HIGHEST, self._plot.height() / max(1, len(self._rows)))
        self._plot.setHeight(each * len(self._rows))
        self._places = tuple(self._place(_TOP + each * row, each) for row in range(len(self._rows)))
        return tuple(mark for row in range(len(self._rows)) for mark in self._marks_of(row))

    def _place(self, top: float, height: float) -> _Place:
        plot, air = self._plot, height * (1 - _BAR) / 2
        bar = QRectF(plot.left(), top + air, plot.width(), height * _BAR)
        name = QRectF(_EDGE, top, plot.left() - _GAP - _EDGE, height)
        return _Place(name, bar, QRectF(plot.right() + _GAP, top, self.width() - plot.right() - _GAP, height))

    def _most(self) -> float:
        """What the right end of the plot stands for, objects."""
        return axes.counts_up_to(max((row.total for row in self._rows), default=1))[-1]

    def _areas(self, row: BarRow, bar: QRectF) -> list[tuple[BarPart, QRectF]]:
        """The parts that are there, each with its area."""
        whole = max(1, row.total) if self._as_shares else self._most()
        areas, at = [], bar.left()
        for part in row.parts:
            if part.count:
                width = bar.width() * part.count / whole
                areas.append((part, QRectF(at, bar.top(), width, bar.height())))
                at += width
        return areas

    def _marks_of(self, number: int) -> list[Mark]:
        row, place = self._rows[number], self._places[number]
        click = "\nClick to list them" if row.chosen is not None else ""
        marks = [Mark(box_path(place.name), place.name.center(), row.words, row.words + click, row.chosen, number)]
        for part, area in self._areas(row, place.bar):
            reach = max(0.0, (_REACH - area.width()) / 2)
            click = "\nClick to list them" if part.chosen is not None else ""
            path = box_path(area.adjusted(-reach, 0, reach, 0))
            marks.append(Mark(path, area.center(), part.name, f"{part.name}\n{part.tip}{click}", part.chosen, number))
        return marks

    # -- painting ---------------------------------------------------------------------------------------------------

    def paint(self, painter: QPainter) -> None:
        """Axis, bars, names and notes."""
        plot, grid = self._plot, self.palette().color(QPalette.ColorRole.Mid)
        painter.setFont(self.small)
        axes.paint_across(painter, plot, self._ticks(), grid, self.ink(muted=True))
        painter.setFont(self.figures())
        for row, place in zip(self._rows, self._places, strict=True):
            axes.paint_left(painter, place.name, row.name, self.ink())
            self._paint_parts(painter, row, place)
            axes.paint_left(painter, place.note, row.note, self.ink(muted=True))

    def _ticks(self) -> list[tuple[float, str]]:
        left, width = self._plot.left(), self._plot.width()
        if self._as_shares:
            return [(left + width * part, percent(part)) for part in axes.shares()]
        most = self._most()
        return [(left + width * count / most, f"{count:,.0f}") for count in axes.counts_up_to(most)]

    def _paint_parts(self, painter: QPainter, row: BarRow, place: _Place) -> None:
        for part, area in self._areas(row, place.bar):
            look = state_look(part.look)
            # a hair of ground between neighbours
            inner = area.adjusted(0, 0, -min(1.0, area.width() / 3), 0)
            fill(painter, inner, look, self.base())
            ground = ground_of(look, self.base())
            axes.paint_inside(painter, inner, f"{part.count:,}", text_on(ground), ground if look.hatch else None)

    def sizeHint(self) -> QSize:
        """Rows that can be read."""
        return QSize(640, self.minimumHeight())
