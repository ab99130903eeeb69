"""How outcomes look, everywhere the same: never by colour alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPen

if TYPE_CHECKING:
    from collections.abc import Mapping

Style = Qt.PenStyle


@dataclass(frozen=True)
class OutcomeLook:
    """How one outcome is drawn.

    Attributes:
        colour: "#rrggbb"; data colours do not follow the theme.
        style: of the line.
        double: drawn as two parallel lines.
        text: for lists and legends.
        tip: one sentence.
    """

    colour: str
    style: Style
    double: bool
    text: str
    tip: str

    def pen(self, width: float = 2.0) -> QPen:
        """A cosmetic pen, `width` in view px."""
        pen = QPen(QColor(self.colour), width, self.style)
        pen.setCosmetic(True)
        return pen


#: by outcome of `matching` and, for detections, by kind
OUTCOME_LOOKS: Mapping[str, OutcomeLook] = {
    "found": OutcomeLook("#009E73", Style.SolidLine, False, "found", "A detection of its class overlaps it enough"),
    "missed": OutcomeLook("#D55E00", Style.DashLine, False, "missed", "No detection covers it"),
    "badly placed": OutcomeLook(
        "#E69F00", Style.DotLine, False, "badly placed", "Its class was detected here, but overlaps it too little"
    ),
    "wrong class": OutcomeLook("#CC79A7", Style.SolidLine, True, "wrong class", "A detection of another class covers it"),
    "taken": OutcomeLook("#56B4E9", Style.DashDotLine, False, "taken", "The detection that covers it counts for a neighbour"),
    "crowd": OutcomeLook("#999999", Style.DashDotDotLine, False, "crowd", "A region of many objects: never counted as missed"),
    "ignored": OutcomeLook(
        "#999999", Style.DashDotLine, False, "difficult", "Marked as difficult and not found: not counted as missed"
    ),
    "flawed": OutcomeLook("#999999", Style.DotLine, False, "flawed", "The annotation itself is broken"),
    "unknown class": OutcomeLook("#999999", Style.DashLine, False, "unknown class", "The detector has no such class"),
    "": OutcomeLook("#999999", Style.SolidLine, False, "not run", "The picture was not run yet"),
}
