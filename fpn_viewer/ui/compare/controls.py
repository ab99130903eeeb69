"""The controls under the pictures: the other tabs' display settings, the layers of this one, and what lies under the mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from fpn_viewer.ui.canvas.display_bar import DisplayBar
from fpn_viewer.ui.compare.looks import PAIR_LOOKS, STATUS_LOOKS, sample
from fpn_viewer.ui.compare.toggle import Toggle
from fpn_viewer.ui.panels.probe_paint import tabular
from fpn_viewer.ui.widgets.texts import ElidedLabel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PySide6.QtGui import QAction, QResizeEvent

    from fpn_viewer.viewmodels.display import Display

#: px of the line from which there is room for the legend as well
_LEGEND_FROM = 720


class CompareBar(DisplayBar):
    """The display bar without what does not apply to two maps: one scale is always shared, and boxes are those of both.

    Attributes:
        switches: buttons of the tab's layers.
    """

    def __init__(self, display: Display, layers: Iterable[QAction], parent: QWidget | None = None) -> None:
        """Makes the bar.

        Args:
            display: read and changed.
            layers: checkable actions of the tab.
            parent: the Qt parent.
        """
        super().__init__(display, parent)
        for part in (self.scale.parentWidget(), self.detections, self.receptive):
            if part is not None:
                part.hide()
        group = QWidget()
        row = QHBoxLayout(group)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self.switches = []
        for action in layers:
            button = Toggle(action.text(), action.toolTip())
            button.setDefaultAction(action)
            row.addWidget(button)
            self.switches.append(button)
        self._flow.addWidget(group)


class PointLine(QWidget):
    """What both have under the mouse, and what the lines of boxes mean."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes the line."""
        super().__init__(parent)
        self._text = ElidedLabel()
        self._text.setFont(tabular(self.font()))
        self._text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._text.setForegroundRole(QPalette.ColorRole.WindowText)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(8)
        row.addWidget(self._text, 1)
        self._legend: list[QLabel] = []
        self._row = row
        for look in PAIR_LOOKS.values():
            self._add(look.text, look.tip, sample(look, self.devicePixelRatioF()))

    def _add(self, text: str, tip: str, pixmap: object) -> None:
        line, word = QLabel(), QLabel(text)
        line.setPixmap(pixmap)  # type: ignore[arg-type]
        word.setFont(tabular(self.font(), -1))
        word.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        for part in (line, word):
            part.setToolTip(f"Detections: {tip[:1].lower()}{tip[1:]}")
            self._row.addWidget(part)
            self._legend.append(part)
        line.setAccessibleName(f"Line of detections: {text}")

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leaves the legend out where the values need the room; the tooltips of the boxes say the same."""
        super().resizeEvent(event)
        for part in self._legend:
            part.setVisible(self.width() >= _LEGEND_FROM)

    @property
    def text(self) -> str:
        """What lies under the mouse."""
        return self._text.text()

    def show_text(self, text: str) -> None:
        """Says what lies under the mouse."""
        self._text.set_text(text, f"{text}\nCtrl+C over a map copies all maps at this point" if text else "")


def status_tips() -> str:
    """What the lines of annotated objects mean, for a tooltip."""
    return "\n".join(f"{look.text}: {look.tip[:1].lower()}{look.tip[1:]}" for look in STATUS_LOOKS.values())
