"""How things look in the charts of a scan: a colour and a hatch for each stage, a colour and a sign for each detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QPointF, Qt
from PySide6.QtGui import QColor, QPen, QPolygonF

from fpn_viewer.engine.compare_values import LETTERS
from fpn_viewer.engine.scan.numbers.choices import FOUND
from fpn_viewer.ui.objects.outcomes import OUTCOME_LOOKS
from fpn_viewer.ui.panels.life_texts import STAGE_WORDS, stage_title
from fpn_viewer.ui.panels.probe_paint import mixed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtCore import QRectF
    from PySide6.QtGui import QPainter

_HATCH = 6.0
_HATCHED = QColor(255, 255, 255, 150)
#: what is left of the colour of found objects: they are most of a bar, and the losses are what is looked for
_QUIET = 0.45


@dataclass(frozen=True)
class StageLook:
    """How the objects that a stage lost are drawn.

    Attributes:
        colour: "#rrggbb"; data colours do not follow the theme.
        hatch: 0 for plain, 1 for lines that rise, −1 for lines that fall: what is alike in colour differs in this.
        quiet: drawn faintly, towards the ground.
    """

    colour: str
    hatch: int = 0
    quiet: bool = False

    def ground(self, base: QColor) -> QColor:
        """The colour of its area on a ground."""
        return mixed(QColor(self.colour), base, _QUIET) if self.quiet else QColor(self.colour)

    def fill(self, painter: QPainter, rect: QRectF, base: QColor) -> None:
        """Fills a rectangle on a ground."""
        painter.fillRect(rect, self.ground(base))
        if self.hatch:
            painter.setPen(QPen(_HATCHED, 1.5))
            painter.drawLines(_hatching(rect, self.hatch))


#: the RPN in blues, the heads in warm colours, what cuts lists hatched
STAGE_LOOKS: Mapping[str, StageLook] = {
    FOUND: StageLook(OUTCOME_LOOKS["found"].colour, quiet=True),
    "resize": StageLook("#7A5195"),
    "anchors": StageLook("#7A5195", 1),
    "rpn_regression": StageLook("#0B4F94"),
    "rpn_top_k": StageLook("#2C7FC4", 1),
    "rpn_min_size": StageLook("#8AA7C4"),
    "rpn_score": StageLook("#8AA7C4", 1),
    "rpn_nms": StageLook("#56B4E9"),
    "rpn_cap": StageLook("#56B4E9", -1),
    "box_regression": StageLook("#E69F00"),
    "class_score": StageLook("#D55E00"),
    "top_k": StageLook("#D55E00", 1),
    "min_size": StageLook("#B58A5A"),
    "nms": StageLook("#CC79A7"),
    "cap": StageLook("#CC79A7", -1),
    # outcomes that no stage is to blame for
    "taken": StageLook("#8A8F98"),
    "wrong class": StageLook("#8A8F98", 1),
    "badly placed": StageLook("#8A8F98", -1),
    "missed": StageLook("#5B6068", 1),
}
_OTHER = StageLook("#8A8F98")
_NO_STAGE = "no stage is to blame, or the replay could not follow the detector"


def stage_look(state: str) -> StageLook:
    """The look of a state of a funnel; grey for a stage that nobody has described."""
    return STAGE_LOOKS.get(state, _OTHER)


def state_name(state: str) -> str:
    """A state of a funnel as it is written: a stage's title, or an outcome."""
    return OUTCOME_LOOKS[state].text if state in OUTCOME_LOOKS else stage_title(state)


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
_STYLE = Qt.PenStyle
DETECTOR_LOOKS: tuple[DetectorLook, ...] = (
    DetectorLook(LETTERS[0], "#0072B2", _STYLE.SolidLine, "disc"),
    DetectorLook(LETTERS[1], "#D55E00", _STYLE.DashLine, "square"),
    DetectorLook(LETTERS[2], "#009E73", _STYLE.DashDotLine, "triangle"),
    DetectorLook(LETTERS[3], "#CC79A7", _STYLE.DotLine, "diamond"),
)
