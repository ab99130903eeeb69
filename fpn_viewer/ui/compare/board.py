"""The panels of the tab, as the chosen layout wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect
from PySide6.QtGui import QImage, QPainter, QPalette
from PySide6.QtWidgets import QWidget

from fpn_viewer.ui.canvas.painted import Target
from fpn_viewer.ui.compare.pane import ComparePane
from fpn_viewer.ui.compare.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtCore import QSize
    from PySide6.QtGui import QResizeEvent

    from fpn_viewer.ui.compare.scene import CompareScene
    from fpn_viewer.ui.compare.steps import Steps
    from fpn_viewer.viewmodels.comparison import Comparison
    from fpn_viewer.viewmodels.comparison_state import ComparisonState
    from fpn_viewer.viewmodels.display import Display
    from fpn_viewer.viewmodels.selection import Selection
    from fpn_viewer.viewmodels.viewport import Viewport

#: which panels a layout shows
SHOWN: Mapping[str, tuple[str, ...]] = {"side": ("a", "b", "difference"), "wiper": ("wiper",), "difference": ("difference",)}
_GAP = 8


class Board(QWidget):
    """Panels beside each other, in two rows where the room is higher than wide, or one alone.

    Attributes:
        panels: by part.
    """

    def __init__(
        self,
        scene: CompareScene,
        comparison: Comparison,
        steps: Steps,
        display: Display,
        selection: Selection,
        viewport: Viewport,
        parent: QWidget | None = None,
    ) -> None:
        """Makes all panels.

        Args:
            scene: what they draw.
            comparison: what is shown.
            steps: what keys do, and which pane is enlarged.
            display: see `ComparePane`.
            selection: see `ComparePane`.
            viewport: see `ComparePane`.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._comparison, self._steps, self._viewport = comparison, steps, viewport
        self._alone = ""
        self.panels = {
            part: Panel(ComparePane(part, scene, comparison, steps, display, selection, viewport), self)
            for part in ("a", "b", "difference", "wiper")
        }
        self.setMinimumSize(220, 140)
        steps.enlarge_wanted.connect(self._enlarge)
        comparison.changed.connect(self._show)
        self._show(comparison.state)

    @property
    def parts(self) -> tuple[str, ...]:
        """The panels that are shown."""
        layout = SHOWN[self._comparison.state.layout]
        return (self._alone,) if self._alone in layout else layout

    @property
    def view(self) -> ComparePane:
        """The pane that keys act on: the focused one, or the first."""
        panes = [self.panels[part].pane for part in self.parts]
        return next((pane for pane in panes if pane.hasFocus()), panes[0])

    def render_image(self, scale: float = 1.0) -> QImage:
        """What is shown, as a picture.

        Args:
            scale: px of the picture per px of the window, above 0.
        """
        image = QImage(self.size() * scale, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(scale)
        image.fill(self.palette().color(QPalette.ColorRole.Window))
        painter = QPainter(image)
        self.paint_panels(painter, scale)
        painter.end()
        return image

    def paint_panels(self, painter: QPainter, scale: float, *, vector: bool = False) -> None:
        """Paints every panel where it lies.

        Args:
            painter: in px of the board.
            scale: device px for each of them.
            vector: boxes and text as such.
        """
        target = Target(scale, vector=vector)
        for part in self.parts:
            panel = self.panels[part]
            for piece in (panel.title, panel.pane, panel.bar):
                place = piece.mapTo(self, piece.rect().topLeft())
                painter.save()
                painter.translate(place)
                painter.setClipRect(piece.rect())
                if isinstance(piece, ComparePane):
                    self._paint_pane(painter, piece, scale, vector)
                else:
                    piece.paint_on(painter, target)
                painter.restore()

    def _paint_pane(self, painter: QPainter, pane: ComparePane, scale: float, vector: bool) -> None:
        if vector:
            pane.paint_layers(painter, scale, vector=True)
        else:
            painter.drawImage(pane.rect(), pane.compose(scale))
        pane.paint_selection(painter)

    # -- layout -----------------------------------------------------------------------------------------------------

    def _show(self, state: ComparisonState, names: frozenset[str] = frozenset({"layout"})) -> None:
        for panel in self.panels.values():
            panel.show_state(state)
        if "layout" in names:
            self._alone = ""
            self._arrange()
        if "wiper" in names:
            self.panels["wiper"].pane.refresh()

    def _enlarge(self, part: str) -> None:
        self._alone = "" if part == self._alone else part
        self._arrange()

    def _arrange(self) -> None:
        parts = self.parts
        self._steps.enlarged = len(parts) == 1 and len(SHOWN[self._comparison.state.layout]) > 1
        focused = any(panel.pane.hasFocus() for panel in self.panels.values())
        for part, panel in self.panels.items():
            panel.setVisible(part in parts)
        for part, place in zip(parts, self._places(len(parts)), strict=True):
            self.panels[part].setGeometry(place)
        if focused and not any(self.panels[part].pane.hasFocus() for part in parts):
            self.panels[parts[0]].pane.setFocus()

    def _places(self, count: int) -> list[QRect]:
        """Where the panels lie: in the way that draws the picture largest."""
        room = self.rect()
        if count == 1:
            return [room]
        half = (room.width() - _GAP) // 2
        row = (room.height() - _GAP) // 2
        width = (room.width() - 2 * _GAP) // 3
        beside = [QRect(place * (width + _GAP), 0, width, room.height()) for place in range(3)]
        stacked = [QRect(0, 0, half, row), QRect(half + _GAP, 0, half, row), QRect(0, row + _GAP, half, row)]
        return beside if self._scale(beside[0].size()) >= self._scale(stacked[0].size()) else stacked

    def _scale(self, size: QSize) -> float:
        """View px per image px in a panel of this size."""
        panel = self.panels["a"]
        height, width = self._viewport.state.image_size
        around = panel.title.sizeHint().height() + panel.bar.sizeHint().height()
        return min(size.width() / max(1, width), (size.height() - around) / max(1, height))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Places the panels anew."""
        super().resizeEvent(event)
        self._arrange()
