"""A widget that can paint itself on any painter: the screen, a larger image, an SVG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QWidget

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent


@dataclass(frozen=True)
class Target:
    """What is painted on.

    Attributes:
        ratio: device px per view px.
        live: the screen, with cursor and focus; pictures to keep go without them.
        vector: lines and text stay such, so that what is kept as pixels is drawn anew.
    """

    ratio: float = 1.0
    live: bool = False
    vector: bool = False


class Painted(QWidget):
    """Base of the grid's parts."""

    def paint_on(self, painter: QPainter, target: Target) -> None:
        """Paints the widget from (0, 0).

        Args:
            painter: in view px.
            target: what it paints on.
        """
        raise NotImplementedError

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paints on the screen."""
        painter = QPainter(self)
        self.paint_on(painter, Target(self.devicePixelRatioF(), live=True))
        painter.end()
