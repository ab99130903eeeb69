"""Small widgets for text that may be longer than its room: a label, a button with a menu, and the striped badge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPalette
from PySide6.QtWidgets import QLabel, QSizePolicy, QStyle, QStyleOptionToolButton, QStylePainter, QToolButton, QWidget

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

_ARROW = 16
_PADDING = 10


class ElidedLabel(QLabel):
    """A label that leaves out a part of its text where room is short, and shows all of it as tooltip."""

    def __init__(
        self, text: str = "", parent: QWidget | None = None, without: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle
    ) -> None:
        """Makes the label.

        Args:
            text: What is shown.
            parent: The Qt parent.
            without: The part that is left out.
        """
        super().__init__(text, parent)
        self._without = without
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)

    def set_text(self, text: str, tip: str = "") -> None:
        """Changes the text.

        Args:
            text: What is shown.
            tip: The tooltip; the text itself when empty.
        """
        self.setText(text)
        self.setToolTip(tip or text)

    def minimumSizeHint(self) -> QSize:
        """Room for a few letters."""
        return QSize(self.fontMetrics().averageCharWidth() * 8, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws what there is room for."""
        painter = QPainter(self)
        room = self.contentsRect()
        text = self.fontMetrics().elidedText(self.text(), self._without, room.width())
        role = QPalette.ColorRole.WindowText
        self.style().drawItemText(painter, room, int(self.alignment()), self.palette(), self.isEnabled(), text, role)
        painter.end()


class MenuChip(QToolButton):
    """A button with icon, text and menu, whose text gives way where room is short."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes the chip; it needs a menu."""
        super().__init__(parent)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def minimumSizeHint(self) -> QSize:
        """Room for the icon and a few letters."""
        return QSize(
            self.iconSize().width() + self.fontMetrics().averageCharWidth() * 12 + _ARROW + _PADDING, self.sizeHint().height()
        )

    def shown_text(self) -> str:
        """What there is room for."""
        room = self.width() - self.iconSize().width() - _ARROW - 2 * _PADDING
        return self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room)

    def sizeHint(self) -> QSize:
        """Room for everything."""
        wanted = self.iconSize().width() + self.fontMetrics().horizontalAdvance(self.text()) + _ARROW + 2 * _PADDING + 4
        return QSize(wanted, super().sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the button with the text that fits."""
        option = QStyleOptionToolButton()
        self.initStyleOption(option)
        option.text = self.shown_text()
        # The style's own arrow sits in the corner, away from the text it belongs to.
        option.features &= ~QStyleOptionToolButton.ToolButtonFeature.HasMenu
        option.rect.setRight(option.rect.right() - _ARROW)
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ToolButton, option)
        option.rect = QRect(self.width() - _ARROW - 4, (self.height() - 8) // 2, 8, 8)
        painter.drawPrimitive(QStyle.PrimitiveElement.PE_IndicatorArrowDown, option)
        painter.end()


class StripedBadge(QWidget):
    """A word on stripes: weights that were never trained, and whatever else must not be overlooked."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        """Makes the badge.

        Args:
            text: One word.
            parent: The Qt parent.
        """
        super().__init__(parent)
        self._text = text
        self.setAccessibleName(text)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """The word with some air."""
        return QSize(self.fontMetrics().horizontalAdvance(self._text) + 2 * _PADDING, self.fontMetrics().height() + 6)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws black and yellow stripes with the word on a plain middle."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor("#f2c230"))
        painter.fillRect(self.rect(), QBrush(QColor("#1b1f24"), Qt.BrushStyle.BDiagPattern))
        word = QRect(0, 0, self.fontMetrics().horizontalAdvance(self._text) + 8, self.fontMetrics().height())
        word.moveCenter(self.rect().center())
        painter.fillRect(word, QColor("#f2c230"))
        painter.setPen(QColor("#1b1f24"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._text)
        painter.end()
