"""How the lines of a curve look, its legend, and its points as text; without pyqtgraph, which takes a second to import."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPalette, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from fpn_viewer.core.numbers import significant
from fpn_viewer.ui.canvas.flow import FlowLayout
from fpn_viewer.ui.panels.probe_paint import tabular

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from fpn_viewer.core.analysis.curves import Curve

Style = Qt.PenStyle
_SAMPLE = 30
_SYMBOL = 4
_GAP = 6


@dataclass(frozen=True)
class LineLook:
    """One line of a curve.

    Attributes:
        column: of `Points`.
        text: in the legend.
        tip: one sentence.
        colour: Okabe and Ito's.
        style: of the line.
        symbol: "o", "s" or "t1": disc, square, triangle; filled where the object is detected.
    """

    column: str
    text: str
    tip: str
    colour: str
    style: Style
    symbol: str


LINES: tuple[LineLook, ...] = (
    LineLook("objectness", "objectness", "Best sigmoid objectness of a box near the object", "#0072B2", Style.SolidLine, "o"),
    LineLook("iou", "IoU", "Best overlap with the object of a box behind the heads", "#E69F00", Style.DashLine, "s"),
    LineLook("score", "class score", "Best score of its class on a box that overlaps it enough", "#009E73", Style.DotLine, "t1"),
)


def point_words(curve: Curve, row: int) -> str:
    """A point with its values: "at 16.0 net px: objectness 0.600 · IoU 0.700 · class score 0.400 · detected"."""
    x = significant(float(curve.points.x[row]))
    place = f"{x} {curve.unit}" if curve.kind == "scale" else f"{curve.unit} {x}"
    values = [f"{line.text} {significant(float(getattr(curve.points, line.column)[row]))}" for line in LINES]
    return f"at {place}: {' · '.join([*values, 'detected' if curve.points.detected[row] else 'not detected'])}"


def as_csv(curve: Curve) -> str:
    """All points with a heading, a line for each."""
    points, out = curve.points, io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow([f"{curve.title} ({curve.unit})", *(line.text for line in LINES), "detected"])
    for row in range(len(points)):
        numbers = (points.x, *(getattr(points, line.column) for line in LINES))
        table.writerow([*(f"{float(column[row]):.6g}" for column in numbers), int(points.detected[row])])
    return out.getvalue()


class _Entry(QWidget):
    """A sample of a line, or of a symbol alone, and its name."""

    def __init__(self, look: LineLook | None, text: str, filled: bool, parent: QWidget) -> None:
        super().__init__(parent)
        self._look, self._text, self._filled = look, text, filled
        self.setFont(tabular(self.font()))
        self.setToolTip(f"{look.tip}; filled where the object is detected" if look is not None else "")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Sample and name."""
        metrics = self.fontMetrics()
        return QSize(self._width() + _GAP + metrics.horizontalAdvance(self._text) + 2, metrics.height() + 4)

    def _width(self) -> int:
        return _SAMPLE if self._look is not None else round(2 * _SYMBOL) + 2

    def paintEvent(self, event: QPaintEvent) -> None:
        """Line, symbol and name."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text = self.palette().color(QPalette.ColorRole.WindowText)
        width = self._width()
        centre = QPointF(width / 2, self.height() / 2)
        if self._look is not None:
            painter.setPen(QPen(QColor(self._look.colour), 2, self._look.style))
            painter.drawLine(QPointF(0, centre.y()), QPointF(width, centre.y()))
        colour = QColor(self._look.colour) if self._look is not None else text
        painter.setPen(QPen(colour, 1.5))
        painter.setBrush(colour if self._filled else self.palette().color(QPalette.ColorRole.Window))
        _draw_symbol(painter, self._look.symbol if self._look is not None else "o", centre)
        painter.setPen(text)
        painter.drawText(self.rect().adjusted(width + _GAP, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, self._text)
        painter.end()


def _draw_symbol(painter: QPainter, symbol: str, centre: QPointF) -> None:
    box = QRectF(centre.x() - _SYMBOL, centre.y() - _SYMBOL, 2 * _SYMBOL, 2 * _SYMBOL)
    triangle = QPolygonF([box.bottomLeft(), QPointF(centre.x(), box.top()), box.bottomRight()])
    draw = {"o": lambda: painter.drawEllipse(box), "s": lambda: painter.drawRect(box), "t1": lambda: painter.drawPolygon(triangle)}
    draw[symbol]()


class Legend(QWidget):
    """The lines with their names, and what full and empty symbols mean."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes the legend."""
        super().__init__(parent)
        flow = FlowLayout(self, across=12)
        flow.setContentsMargins(0, 0, 0, 0)
        for line in LINES:
            flow.addWidget(_Entry(line, line.text, True, self))
        for text, filled in (("detected", True), ("not detected", False)):
            flow.addWidget(_Entry(None, text, filled, self))
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
