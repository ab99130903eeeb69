"""A button that stays down, and looks so in both themes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPalette, QPen
from PySide6.QtWidgets import QToolButton

from fpn_viewer.ui.panels.probe_paint import mixed

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent
    from PySide6.QtWidgets import QWidget

Role = QPalette.ColorRole
_RADIUS = 4.0
#: share of the accent in the ground of a button that is down
_TINT = 0.28


class Toggle(QToolButton):
    """A checkable button with an accent ground while it is checked."""

    def __init__(self, text: str, tip: str, parent: QWidget | None = None) -> None:
        """Makes a button that is up.

        Args:
            text: what it says.
            tip: its tooltip.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self.setText(text)
        self.setToolTip(tip)
        self.setAccessibleDescription(tip)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def sizeHint(self) -> QSize:
        """The text with some air."""
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(self.text().replace("&&", "&")) + 16, metrics.height() + 8)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground, line and text."""
        shown, down = self.palette(), self.isChecked()
        ground, accent = shown.color(Role.Button), shown.color(Role.Highlight)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line = accent if down or self.hasFocus() else shown.color(Role.Mid)
        painter.setPen(QPen(line, 2 if self.hasFocus() else 1))
        tint = _TINT if down else 0.08 if self.underMouse() and self.isEnabled() else 0.0
        painter.setBrush(mixed(accent, ground, tint))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), _RADIUS, _RADIUS)
        group = QPalette.ColorGroup.Active if self.isEnabled() else QPalette.ColorGroup.Disabled
        painter.setPen(shown.color(group, Role.ButtonText))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextShowMnemonic, self.text())
        painter.end()
