"""A curve drawn with pyqtgraph; imported when the first one is shown."""

from __future__ import annotations

from math import ceil, floor
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QPalette

from fpn_viewer.ui.objects.curve_looks import LINES

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QWheelEvent
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.core.analysis.curves import Curve

#: px around a point from which it is read
NEAR = 14
_SYMBOL = 8
#: room around the values, so that symbols at the edge are whole
_MARGIN = 0.06
_STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
_ENDS = {Qt.Key.Key_Home: 0, Qt.Key.Key_End: -1}
_GAIN_TICKS = 0.5


class CurvePlot(pg.PlotWidget):
    """Three lines over what is varied, with lines at the trace itself and at the asked overlap. It is only to be read.

    Signals:
        pointed(row): the point that is read, by mouse or by arrow key, or None.
    """

    pointed = Signal(object)
    # the base class changes its palette while it is being built
    _made = False

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes an empty plot in the colours of the palette."""
        super().__init__(parent)
        self._curve: Curve | None = None
        self._iou = 0.5
        self._row: int | None = None
        self._at = pg.InfiniteLine(angle=90)
        self.setMenuEnabled(False)
        self.hideButtons()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFrameShape(self.Shape.NoFrame)
        self.setAccessibleName("Curve; left and right arrow read its points")
        for side in ("bottom", "left"):
            self.getAxis(side).enableAutoSIPrefix(False)
        self._made = True
        self._paint_ground()

    @property
    def row(self) -> int | None:
        """The point that is read."""
        return self._row

    def show_curve(self, curve: Curve | None, iou: float) -> None:
        """Draws a curve.

        Args:
            curve: what to draw; None for nothing.
            iou: the asked overlap.
        """
        self._curve, self._iou = curve, iou
        self.clear()
        self._read(None)
        if curve is not None:
            self._draw(curve)

    def view_point(self, row: int, column: str) -> QPointF:
        """Where a point is drawn, px of the widget."""
        assert self._curve is not None
        y = float(getattr(self._curve.points, column)[row])
        return self._view_of(float(self._places(self._curve)[row]), y)

    # -- drawing ----------------------------------------------------------------------------------------------------

    def _draw(self, curve: Curve) -> None:
        x, text = self._places(curve), self._colour(QPalette.ColorRole.Text)
        grey = self._colour(QPalette.ColorRole.PlaceholderText)
        here = float(self._place(curve, curve.here))
        self._add_line(here, 90, pg.mkPen(text, width=1, style=Qt.PenStyle.DashLine), "here", 0.94, text)
        limit = pg.mkPen(grey, width=1, style=Qt.PenStyle.DashDotLine)
        self._add_line(self._iou, 0, limit, f"IoU {self._iou:g}", 1.0, grey)
        for line in LINES:
            self._add_points(x, curve, line.column, line.colour, line.style, line.symbol)
        self._at = pg.InfiniteLine(angle=90, pen=pg.mkPen(self._colour(QPalette.ColorRole.Link), width=1))
        self._at.hide()
        self.addItem(self._at)
        self._set_axes(curve, np.append(x, here))

    def _add_points(self, x: NDArray[np.float64], curve: Curve, column: str, colour: str, style: Qt.PenStyle, symbol: str) -> None:
        full, empty = pg.mkBrush(colour), pg.mkBrush(self._colour(QPalette.ColorRole.Base))
        item = pg.PlotDataItem(
            x,
            getattr(curve.points, column).astype(np.float64),
            pen=pg.mkPen(colour, width=2, style=style),
            symbol=symbol,
            symbolSize=_SYMBOL,
            symbolPen=pg.mkPen(colour, width=1.5),
            symbolBrush=[full if found else empty for found in curve.points.detected],
            antialias=True,
        )
        self.addItem(item)

    def _add_line(self, at: float, angle: int, pen: object, text: str, along: float, colour: QColor) -> None:
        options = {"position": along, "color": colour, "anchors": [(0, 0.5), (0, 0.5)] if angle else [(1, 1), (1, 1)]}
        self.addItem(pg.InfiniteLine(pos=at, angle=angle, pen=pen, label=text, labelOpts=options))

    def _set_axes(self, curve: Curve, places: NDArray[np.float64]) -> None:
        low, high = float(places.min()), float(places.max())
        room = _MARGIN * max(high - low, 0.1)
        self.setXRange(low - room, high + 2 * room, padding=0)
        self.setYRange(-_MARGIN, 1 + _MARGIN, padding=0)
        self.getAxis("bottom").setTicks([_ticks(curve, low - room, high + 2 * room)])
        self.getAxis("left").setTicks([[(v, f"{v:g}") for v in (0, 0.25, 0.5, 0.75, 1)]])
        self.setLabel("bottom", f"{curve.title}, {curve.unit}")

    def _place(self, curve: Curve, x: float | NDArray[np.float64]) -> NDArray[np.float64]:
        """Where values lie on the axis: a size by its binary logarithm."""
        values = np.asarray(x, np.float64)
        return np.log2(np.maximum(values, 1e-3)) if curve.kind == "scale" else values

    def _places(self, curve: Curve) -> NDArray[np.float64]:
        return self._place(curve, curve.points.x.astype(np.float64))

    # -- reading ----------------------------------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Reads the point under the cursor."""
        self._read(self._nearest(event.position()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Takes the focus, for the arrow keys, and nothing else."""
        self.setFocus(Qt.FocusReason.MouseFocusReason)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Nothing is dragged here."""

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Nothing."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Left to whatever scrolls around the plot."""
        event.ignore()

    def leaveEvent(self, event: QEvent) -> None:
        """Reads nothing, unless the keys are here."""
        super().leaveEvent(event)
        if not self.hasFocus():
            self._read(None)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Reads nothing: the keys are elsewhere."""
        super().focusOutEvent(event)
        self._read(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left, right, Home and End step from point to point."""
        count = 0 if self._curve is None else len(self._curve.points)
        key = Qt.Key(event.key())
        if count and key in _ENDS:
            self._read(_ENDS[key] % count)
        elif count and key in _STEPS:
            start = self._row if self._row is not None else (-1 if _STEPS[key] > 0 else count)
            self._read(min(count - 1, max(0, start + _STEPS[key])))
        else:
            event.ignore()

    def _nearest(self, place: QPointF) -> int | None:
        if self._curve is None:
            return None
        rows = range(len(self._curve.points))
        points = np.array([[(p.x(), p.y()) for line in LINES for p in (self.view_point(row, line.column),)] for row in rows])
        away = np.hypot(points[..., 0] - place.x(), points[..., 1] - place.y()).min(1)
        return int(away.argmin()) if away.min() <= NEAR else None

    def _view_of(self, x: float, y: float) -> QPointF:
        scene: QPointF = self.getViewBox().mapViewToScene(QPointF(x, y))
        # `mapFromScene` would round
        return QPointF(self.viewportTransform().map(scene))

    def _read(self, row: int | None) -> None:
        if row == self._row:
            return
        self._row = row
        if self._curve is not None and row is not None:
            self._at.setPos(float(self._places(self._curve)[row]))
        self._at.setVisible(row is not None)
        self.pointed.emit(row)

    # -- theme ------------------------------------------------------------------------------------------------------

    def changeEvent(self, event: QEvent) -> None:
        """Follows the theme."""
        super().changeEvent(event)
        if self._made and event.type() == QEvent.Type.PaletteChange:
            self._paint_ground()
            self.show_curve(self._curve, self._iou)

    def _paint_ground(self) -> None:
        self.setBackground(self._colour(QPalette.ColorRole.Base))
        for side in ("bottom", "left"):
            axis = self.getAxis(side)
            axis.setPen(pg.mkPen(self._colour(QPalette.ColorRole.PlaceholderText)))
            axis.setTextPen(pg.mkPen(self._colour(QPalette.ColorRole.Text)))

    def _colour(self, role: QPalette.ColorRole) -> QColor:
        return QColor(self.palette().color(role))


def _ticks(curve: Curve, low: float, high: float) -> list[tuple[float, str]]:
    if curve.kind == "scale":
        return [(float(power), f"{2.0**power:g}") for power in range(ceil(low), floor(high) + 1)]
    steps = range(ceil(low / _GAIN_TICKS), floor(high / _GAIN_TICKS) + 1)
    return [(step * _GAIN_TICKS, f"{step * _GAIN_TICKS:g}") for step in steps]
