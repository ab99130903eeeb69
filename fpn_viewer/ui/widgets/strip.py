"""A coloured strip with a few lines of text and buttons: what other programs put into a modal dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from fpn_viewer.ui.icons import icon, pixmap
from fpn_viewer.ui.theme import strip_colour

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

ICON_SIDE = 18
RADIUS = 6.0


class Strip(QWidget):
    """Icon, text, buttons and a cross, on a tinted ground; hidden until it has something to say.

    Signals:
        closed(): The cross was pressed; the strip has hidden itself.
    """

    closed = Signal()

    def __init__(self, kind: str, parent: QWidget | None = None) -> None:
        """Makes a hidden strip without text.

        Args:
            kind: A key of `theme.STRIPS`, which is also the name of the icon.
            parent: The Qt parent.
        """
        super().__init__(parent)
        self._kind = kind
        self._symbol = QLabel(self)
        self.label = QLabel(self)
        self.label.setWordWrap(True)
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self.label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._cross = QToolButton(self)
        self._cross.setAutoRaise(True)
        self._cross.setToolTip("Close this message")
        self._cross.setAccessibleName("Close this message")
        self._cross.clicked.connect(self.dismiss)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(12, 6, 6, 6)
        self._row.setSpacing(8)
        self._row.addWidget(self._symbol)
        self._row.addWidget(self.label, 1)
        self._row.addWidget(self._cross)
        self._draw_icons()
        self.hide()

    @property
    def kind(self) -> str:
        """A key of `theme.STRIPS`."""
        return self._kind

    def add_button(self, text: str, tip: str) -> QToolButton:
        """Adds a button left of the cross.

        Args:
            text: What it says.
            tip: Its tooltip.
        """
        button = QToolButton(self)
        button.setText(text)
        button.setToolTip(tip)
        self._row.insertWidget(self._row.count() - 1, button)
        return button

    def dismiss(self) -> None:
        """Hides the strip and says so."""
        self.hide()
        self.closed.emit()

    def changeEvent(self, event: QEvent) -> None:
        """Follows the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._draw_icons()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the ground."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(strip_colour(self._kind, self.palette()))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(4, 2, -4, -2), RADIUS, RADIUS)
        painter.end()

    def _draw_icons(self) -> None:
        self._symbol.setPixmap(pixmap(self._kind, ICON_SIDE, self.devicePixelRatioF(), self.palette()))
        self._cross.setIcon(icon("close", self.palette()))
        self._cross.setIconSize(QSize(16, 16))
