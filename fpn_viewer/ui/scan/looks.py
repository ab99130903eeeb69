"""How things look in the charts of a scan: a colour and a hatch for each stage, a colour and a sign for each detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QPointF, Qt
from PySide6.QtGui import QColor, QPen, QPolygonF

from fpn_viewer.core.analysis.words import STAGE_WORDS
from fpn_viewer.engine.compare_values import LETTERS
from fpn_viewer.engine.scan.looks import DETECTORS, QUIET
from fpn_viewer.engine.scan.numbers.choices import FOUND
from fpn_viewer.ui.objects.outcomes import OUTCOME_LOOKS
from fpn_viewer.ui.panels.probe_paint import mixed

if TYPE_CHECKING:
    from PySide6.QtCore import QRectF
    from PySide6.QtGui import QPainter

    from fpn_viewer.engine.scan.looks import StateLook

_HATCH = 6.0
_HATCHED = QColor(255, 255, 255, 150)
_NO_STAGE = "no stage is to blame, or the replay could not follow the detector"


def ground_of(look: StateLook, base: QColor) -> QColor:
    """The colour of a state's area on a ground."""
    return mixed(QColor(look.colour), base, QUIET) if look.quiet else QColor(look.colour)


def fill(painter: QPainter, rect: QRectF, look: StateLook, base: QColor) -> None:
    """Fills a rectangle on a ground as the objects of a state are drawn."""
    painter.fillRect(rect, ground_of(look, base))
    if look.hatch:
        painter.setPen(QPen(_HATCHED, 1.5))
        painter.drawLines(_hatching(rect, look.hatch))


def state_tip(state: str) -> str:
    """What being lost there means, or being found; one sentence."""
    if state in OUTCOME_LOOKS:
        outcome = OUTCOME_LOOKS[state].tip
        return f"{outcome}." if state == FOUND else f"{outcome}: {_NO_STAGE}."
    words = STAGE_WORDS.get(state)
    return words.tip if words is not None else ""


def _hatching(rect: QRectF, rises: int) -> list[QLineF]:
    """Lines at 45° through a rectangle, ending at its edges."""
    width, height = rect.width(), rect.height()
    lines = []
    at = _HATCH / 2 - height
    while at < width:
        # x = at + y, for y inside the rectangle
        first, last = max(0.0, -at), min(height, width - at)
        if last > first:
            ends = [(rect.left() + at + y, rect.bottom() - y if rises > 0 else rect.top() + y) for y in (first, last)]
            lines.append(QLineF(QPointF(*ends[0]), QPointF(*ends[1])))
        at += _HATCH
    return lines


# Detectors


@dataclass(frozen=True)
class DetectorLook:
    """How a detector's curve is drawn; told apart by colour, line and sign.

    Attributes:
        letter: as in a comparison.
        colour: "#rrggbb", Okabe and Ito's.
        style: of the line.
        sign: "disc", "square", "triangle" or "diamond".
    """

    letter: str
    colour: str
    style: Qt.PenStyle
    sign: str

    def pen(self, width: float = 2.0) -> QPen:
        """A pen for its line."""
        pen = QPen(QColor(self.colour), width, self.style)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        return pen

    def draw_sign(self, painter: QPainter, at: QPointF, radius: float) -> None:
        """Its sign around a point, in the painter's brush and pen."""
        if self.sign == "disc":
            painter.drawEllipse(at, radius, radius)
        else:
            painter.drawPolygon(QPolygonF([at + QPointF(x, y) * radius for x, y in _SIGNS[self.sign]]))


_SIGNS = {
    "square": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    "triangle": ((0, -1.15), (1.05, 0.8), (-1.05, 0.8)),
    "diamond": ((0, -1.25), (1.25, 0), (0, 1.25), (-1.25, 0)),
}
_STYLES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DashDotLine, Qt.PenStyle.DotLine)
DETECTOR_LOOKS: tuple[DetectorLook, ...] = tuple(
    DetectorLook(letter, colour, style, sign) for letter, style, (colour, sign) in zip(LETTERS, _STYLES, DETECTORS, strict=True)
)
