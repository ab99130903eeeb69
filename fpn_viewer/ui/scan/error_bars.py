"""TIDE's error types as bars: what AP each detector would gain if one type of error were put right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QColor, QFontMetricsF, QPalette

from fpn_viewer.engine.scan.numbers.values import TIDE_TITLES
from fpn_viewer.ui.scan import axes
from fpn_viewer.ui.scan.chart import Chart, Mark, box_path
from fpn_viewer.ui.scan.looks import DETECTOR_LOOKS

if TYPE_CHECKING:
    from PySide6.QtGui import QPainter
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.engine.scan.numbers.values import TideErrors

_GAP, _AXIS, _TOP, _EDGE = 12.0, 42.0, 4.0, 4.0
_LOWEST, _HIGHEST = 20.0, 46.0
_BAR = 0.74
#: room for a letter before each bar where there are several
_LETTER = 16.0
#: what the axis reaches at least, so that errors that cost nothing look small
_LEAST = 0.02
_TICKS = 4


@dataclass(frozen=True)
class _Bar:
    """One type of error of one detector, px of the chart."""

    errors: TideErrors
    key: str
    room: QRectF
    area: QRectF


class ErrorBars(Chart):
    """For each type of error a bar for each detector, with the gain and how many errors there are."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes an empty chart."""
        super().__init__("Types of error and the AP that each costs; arrow keys step", parent)
        self._errors: tuple[TideErrors, ...] = ()
        self._bars: tuple[_Bar, ...] = ()
        self._plot = QRectF()

    def show_errors(self, errors: tuple[TideErrors, ...]) -> None:
        """Draws the errors of detectors, in order."""
        self._errors = errors
        self.setMinimumHeight(round(_TOP + _AXIS + len(TIDE_TITLES) * max(1, len(errors)) * _LOWEST))
        self.refresh()

    # -- placing ----------------------------------------------------------------------------------------------------

    def arrange(self) -> tuple[Mark, ...]:
        """Places a group of bars for each type."""
        if not self._errors:
            return ()
        metrics = QFontMetricsF(self.figures())
        names = max(metrics.horizontalAdvance(title) for _, title, _ in TIDE_TITLES) + 2
        notes = max(metrics.horizontalAdvance(_note(one, key)) for one in self._errors for key, _, _ in TIDE_TITLES)
        left = _EDGE + min(names + _GAP, 0.3 * self.width()) + (_LETTER if len(self._errors) > 1 else 0.0)
        height = self.height() - _TOP - _AXIS
        self._plot = QRectF(left, _TOP, max(40.0, self.width() - left - notes - 2 * _GAP), height)
        each = min(_HIGHEST, height / len(TIDE_TITLES) / len(self._errors))
        self._plot.setHeight(each * len(TIDE_TITLES) * len(self._errors))
        self._bars = tuple(
            self._bar(one, key, _TOP + each * (row * len(self._errors) + place), each)
            for row, (key, _, _) in enumerate(TIDE_TITLES)
            for place, one in enumerate(self._errors)
        )
        return tuple(self._mark(bar) for bar in self._bars)

    def _bar(self, one: TideErrors, key: str, top: float, height: float) -> _Bar:
        air = height * (1 - _BAR) / 2
        width = self._plot.width() * one.gains[key] / self._most()
        area = QRectF(self._plot.left(), top + air, max(1.0, width), height * _BAR)
        return _Bar(one, key, QRectF(_EDGE, top, self.width() - _EDGE, height), area)

    def _most(self) -> float:
        return self._ticks()[-1]

    def _ticks(self) -> list[float]:
        """Round gains in thousandths."""
        most = max(_LEAST, *(one.gains[key] for one in self._errors for key, _, _ in TIDE_TITLES))
        return [count / 1000 for count in axes.counts_up_to(1000 * most, _TICKS)]

    def _mark(self, bar: _Bar) -> Mark:
        title, tip = next((title, tip) for key, title, tip in TIDE_TITLES if key == bar.key)
        words = f"{title}, {bar.errors.name}: {_note(bar.errors, bar.key)}"
        return Mark(box_path(bar.room), bar.area.center(), words, f"{words}\n{title}: {tip}.")

    # -- painting ---------------------------------------------------------------------------------------------------

    def paint(self, painter: QPainter) -> None:
        """Axis, names, bars and numbers."""
        if not self._errors:
            return
        plot, grid = self._plot, self.palette().color(QPalette.ColorRole.Mid)
        painter.setFont(self.small)
        ticks = [(plot.left() + plot.width() * tick / self._most(), f"{tick:g}") for tick in self._ticks()]
        axes.paint_across(painter, plot, ticks, grid, self.ink(muted=True))
        line = painter.fontMetrics().height()
        under = QRectF(plot.left(), plot.bottom() + 4 + line, plot.width(), line)
        axes.paint_left(painter, under, "AP that putting it right would gain", self.ink(muted=True))
        painter.setFont(self.figures())
        for bar in self._bars:
            self._paint_bar(painter, bar)

    def _paint_bar(self, painter: QPainter, bar: _Bar) -> None:
        look = DETECTOR_LOOKS[bar.errors.detector % len(DETECTOR_LOOKS)]
        painter.fillRect(bar.area, QColor(look.colour))
        room, plot = bar.room, self._plot
        if bar.errors is self._errors[0]:
            title = next(title for key, title, _ in TIDE_TITLES if key == bar.key)
            axes.paint_left(painter, QRectF(room.left(), room.top(), plot.left() - _GAP, room.height()), title, self.ink())
        if len(self._errors) > 1:
            place = QRectF(plot.left() - _LETTER, room.top(), _LETTER, room.height())
            axes.paint_left(painter, place, look.letter, self.ink(muted=True))
        note = QRectF(plot.right() + _GAP, room.top(), self.width() - plot.right() - _GAP, room.height())
        axes.paint_left(painter, note, _note(bar.errors, bar.key), self.ink())

    def sizeHint(self) -> QSize:
        """Bars that can be read."""
        return QSize(640, self.minimumHeight())


def _note(one: TideErrors, key: str) -> str:
    count = one.counts.get(key)
    return f"{one.gains[key]:.3f}" if count is None else f"{one.gains[key]:.3f} · {count:,}"
