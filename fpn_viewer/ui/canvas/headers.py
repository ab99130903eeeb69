"""The words around the maps: column headings, row headers, the corner with its badge and the line over an enlarged map."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPalette
from PySide6.QtWidgets import QSizePolicy, QToolButton

from fpn_viewer.core.imaging.colours import level_colour
from fpn_viewer.ui.canvas import texts
from fpn_viewer.ui.canvas.legend import draw_striped, small_font
from fpn_viewer.ui.canvas.painted import Painted

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.core.geometry import Level
    from fpn_viewer.ui.canvas.painted import Target

Role = QPalette.ColorRole
PADDING = 8
#: relative luminance from which black is read better than white (WCAG 2)
_BRIGHT = 0.179


def _bold(font: QFont) -> QFont:
    bold = QFont(font)
    bold.setWeight(QFont.Weight.DemiBold)
    return bold


def ink_on(ground: QColor) -> QColor:
    """Black or white, whichever contrasts more."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (ground.redF(), ground.greenF(), ground.blueF())]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return QColor("#000000") if luminance > _BRIGHT else QColor("#ffffff")


def _draw_level(painter: QPainter, corner: QPointF, name: str, level: str, height: float) -> float:
    """A name on its level's colour; answers where it ends."""
    ground = QColor(level_colour(level))
    rect = QRectF(corner.x(), corner.y(), QFontMetricsF(painter.font()).horizontalAdvance(name) + 10, height)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ground)
    painter.drawRoundedRect(rect, 3, 3)
    painter.setPen(ink_on(ground))
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, name)
    painter.restore()
    return rect.right()


class ColumnHeading(Painted):
    """The kind of node of a column, in the paper's words; its tooltip explains it."""

    def __init__(self, role: str, parent: QWidget | None = None) -> None:
        """Makes the heading of a role."""
        super().__init__(parent)
        self._text = texts.HEADINGS[role]
        self.setToolTip(texts.LESSONS[role])
        self.setAccessibleName(self._text)

    def paint_on(self, painter: QPainter, target: Target) -> None:
        """Paints the words; see `Painted`."""
        painter.setFont(_bold(self.font()))
        painter.setPen(self.palette().color(Role.WindowText))
        metrics, room = QFontMetricsF(painter.font()), self.width() - 4
        text = self._text if metrics.horizontalAdvance(self._text) <= room else self._text.split()[0]
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, shown)


class RowHeader(Painted):
    """A level: name in its colour, stride, size; its tooltip explains them."""

    def __init__(self, level: Level, visible: tuple[int, int], parent: QWidget | None = None) -> None:
        """Makes the header of a level.

        Args:
            level: the level.
            visible: rows and columns of it that lie on the picture.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._level = level
        self._lines = (f"/{texts.stride(level)}", texts.size(level.size))
        self.setToolTip(texts.level_lesson(level, visible))
        self.setAccessibleName(f"{level.name}, stride {texts.stride(level)}, {texts.size(level.size)} cells")

    def sizeHint(self) -> QSize:
        """As wide as its longest line."""
        metrics = QFontMetricsF(small_font(self.font()))
        name = QFontMetricsF(_bold(self.font())).horizontalAdvance(self._level.name) + 10
        width = max([name, *(metrics.horizontalAdvance(line) for line in self._lines)])
        return QSize(round(width) + PADDING, 48)

    def paint_on(self, painter: QPainter, target: Target) -> None:
        """Paints name, stride and size; see `Painted`."""
        bold, small = _bold(self.font()), small_font(self.font())
        height, line = QFontMetricsF(bold).height() + 2, QFontMetricsF(small).height()
        top = max(0.0, (self.height() - height - 2 * line) / 2)
        painter.setFont(bold)
        _draw_level(painter, QPointF(0, top), self._level.name, self._level.name, height)
        painter.setFont(small)
        painter.setPen(self.palette().color(Role.PlaceholderText))
        for place, text in enumerate(self._lines):
            painter.drawText(QPointF(0, top + height + (place + 0.85) * line), text)


class Corner(Painted):
    """Over the row headers: says when the weights are random."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes the corner without a badge."""
        super().__init__(parent)
        self._untrained = False

    def set_untrained(self, untrained: bool) -> None:
        """Shows or hides the badge."""
        self._untrained = untrained
        self.setToolTip("The weights are random: these maps show what the network does before any training." if untrained else "")
        self.update()

    def badge_width(self) -> int:
        """Px that the badge needs, 0 without one."""
        return round(QFontMetricsF(small_font(self.font())).horizontalAdvance("untrained")) + 24 if self._untrained else 0

    def paint_on(self, painter: QPainter, target: Target) -> None:
        """Paints the badge; see `Painted`."""
        if self._untrained:
            painter.setFont(small_font(self.font()))
            draw_striped(painter, QRectF(self.rect()).adjusted(0, 2, -2, -2), "untrained")


class TitleLine(Painted):
    """Over an enlarged map: its node, how it is computed, what of it is shown, and the way back."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes the line without a title."""
        super().__init__(parent)
        self._name = self._level = self._formula = self._detail = ""
        self.back = QToolButton(self)
        self.back.setText("Back to the grid")
        self.back.setToolTip("Show all maps again (Esc, or double-click)")
        self.back.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_title(self, level: str, name: str, formula: str, detail: str) -> None:
        """Says what is enlarged.

        Args:
            level: the level's name.
            name: the node's name.
            formula: how it is computed.
            detail: what of it is shown.
        """
        self._level, self._name, self._formula, self._detail = level, name, formula, detail
        self.setToolTip(f"{formula}\n{detail}")
        self.setAccessibleName(f"{name}: {formula}, {detail}")
        self.update()

    @property
    def text(self) -> str:
        """What the line says, without its colours."""
        return f"{self._name} · {self._formula} · {self._detail}"

    def sizeHint(self) -> QSize:
        """One line of text or the button, whichever is higher."""
        return QSize(200, max(self.back.sizeHint().height(), self.fontMetrics().height() + 8))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keeps the button at the right end."""
        size = self.back.sizeHint()
        self.back.setGeometry(self.width() - size.width(), (self.height() - size.height()) // 2, size.width(), size.height())
        super().resizeEvent(event)

    def paint_on(self, painter: QPainter, target: Target) -> None:
        """Paints the title; see `Painted`."""
        if not self._level:
            return
        painter.setFont(_bold(self.font()))
        height = QFontMetricsF(painter.font()).height() + 2
        x = _draw_level(painter, QPointF(0, (self.height() - height) / 2), self._name, self._level, height) + PADDING
        painter.setFont(self.font())
        metrics = QFontMetricsF(self.font())
        room = self.back.x() - PADDING - x
        detail = QFontMetricsF(small_font(self.font())).horizontalAdvance(self._detail) + 2 * PADDING
        formula = metrics.elidedText(self._formula, Qt.TextElideMode.ElideRight, max(room - detail, room / 2))
        painter.setPen(self.palette().color(Role.WindowText))
        painter.drawText(QRectF(x, 0, room, self.height()), Qt.AlignmentFlag.AlignVCenter, formula)
        x += metrics.horizontalAdvance(formula) + 2 * PADDING
        painter.setFont(small_font(self.font()))
        painter.setPen(self.palette().color(Role.PlaceholderText))
        rest = QRectF(x, 0, max(0.0, self.back.x() - PADDING - x), self.height())
        shown = QFontMetricsF(painter.font()).elidedText(self._detail, Qt.TextElideMode.ElideRight, rest.width())
        painter.drawText(rest, Qt.AlignmentFlag.AlignVCenter, shown)
