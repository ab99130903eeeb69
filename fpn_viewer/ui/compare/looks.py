"""How A, B and what is about both look: colours of the two sides, lines of objects and detections. Never by colour alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPixmap

from fpn_viewer.core.comparison.values import PAIRS, STATUSES
from fpn_viewer.ui.canvas.headers import ink_on
from fpn_viewer.ui.objects.outcomes import OutcomeLook
from fpn_viewer.ui.panels.object_row import draw_sample

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fpn_viewer.engine.compare_values import CompareView, SideView

Style = Qt.PenStyle

#: of A and B: the two ends of the diverging map of B − A, where blue is more in A and red more in B
SIDES: Mapping[str, str] = {"A": "#3D8BE0", "B": "#E2603F"}
#: px of a sample of a line in a table
SAMPLE = QSize(20, 14)


@dataclass(frozen=True)
class Part:
    """What a map is of.

    Attributes:
        letter: "A", "B", or "" for what is about both.
        title: of its heading.
        tip: one sentence.
    """

    letter: str
    title: str
    tip: str


PARTS: Mapping[str, Part] = {
    "a": Part("A", "", "A's map and detections"),
    "b": Part("B", "", "B's map and detections, on A's colour scale"),
    "difference": Part("", "B − A", "Where B answers more (red) and where A does (blue); grey is no difference"),
    "wiper": Part("", "", "A left of the wiper and B right of it, on one colour scale"),
}


def _look(colour: str, style: Qt.PenStyle, text: str, tip: str, double: bool = False) -> OutcomeLook:
    return OutcomeLook(colour, style, double, text, f"{tip[:1].upper()}{tip[1:]}")


#: annotated objects, by a key of `STATUSES`
STATUS_LOOKS: Mapping[str, OutcomeLook] = {
    "both": _look("#009E73", Style.SolidLine, "both", STATUSES["both"]),
    "only A": _look(SIDES["A"], Style.DashDotLine, "only A", STATUSES["only A"]),
    "only B": _look(SIDES["B"], Style.DotLine, "only B", STATUSES["only B"]),
    "neither": _look("#D55E00", Style.DashLine, "neither", STATUSES["neither"]),
    "unknown": _look("#999999", Style.DashDotDotLine, "unknown", STATUSES["unknown"]),
}
#: detections, by a key of `PAIRS`
PAIR_LOOKS: Mapping[str, OutcomeLook] = {
    "only A": _look(SIDES["A"], Style.SolidLine, "only A", PAIRS["only A"]),
    "only B": _look(SIDES["B"], Style.DashLine, "only B", PAIRS["only B"]),
    "relabelled": _look("#CC79A7", Style.SolidLine, "other class", PAIRS["relabelled"], True),
    "moved": _look("#F0E442", Style.DotLine, "moved", PAIRS["moved"]),
    "rescored": _look("#56B4E9", Style.DashDotLine, "rescored", PAIRS["rescored"]),
    "same": _look("#D0D4DA", Style.SolidLine, "same", PAIRS["same"]),
}


def side_of(view: CompareView, letter: str) -> SideView | None:
    """The side that is shown as "A" or as "B"; None where it could not be run."""
    return view.a if letter == "A" else view.b


def sample(look: OutcomeLook, ratio: float = 1.0) -> QPixmap:
    """A small box in the line of a look, on a transparent ground.

    Args:
        look: the line.
        ratio: device px for each px.
    """
    image = QImage(SAMPLE * ratio, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.scale(ratio, ratio)
    draw_sample(painter, QRectF(QPointF(0, 0), SAMPLE).toRect(), look)
    painter.end()
    made = QPixmap.fromImage(image)
    made.setDevicePixelRatio(ratio)
    return made


def badge_font(font: QFont) -> QFont:
    """The font of a side's letter."""
    bold = QFont(font)
    bold.setWeight(QFont.Weight.Bold)
    return bold


def draw_badge(painter: QPainter, corner: QPointF, letter: str, height: float) -> float:
    """A side's letter on its colour; answers where it ends.

    Args:
        painter: in view px, with the window's font.
        corner: upper left one.
        letter: "A" or "B".
        height: of the badge, view px.
    """
    ground = QColor(SIDES[letter])
    font = badge_font(painter.font())
    width = max(height, QFontMetricsF(font).horizontalAdvance(letter) + 8)
    rect = QRectF(corner.x(), corner.y(), width, height)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ground)
    painter.drawRoundedRect(rect, 3, 3)
    painter.setPen(ink_on(ground))
    painter.setFont(font)
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, letter)
    painter.restore()
    return rect.right()
