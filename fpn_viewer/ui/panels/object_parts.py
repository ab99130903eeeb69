"""Small widgets of the objects panel: counts that filter, and badges that must not be overlooked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QFontMetrics, QPainter, QPalette, QPen
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from fpn_viewer.ui.canvas.flow import FlowLayout
from fpn_viewer.ui.icons import pixmap
from fpn_viewer.ui.panels.probe_paint import mixed, tabular
from fpn_viewer.ui.theme import strip_colour

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PySide6.QtGui import QPaintEvent

    from fpn_viewer.core.analysis.trap_values import Trap

#: key of `object_list.FILTERS` to the word under its number and what it lists
CHOICES: dict[str, tuple[str, str]] = {
    "all": ("objects", "All annotated objects of the picture"),
    "missed": ("missed", "Missed, badly placed, of the wrong class, or their detection taken by a neighbour (M: next one)"),
    "found": ("found", "A detection of their class overlaps them enough"),
    "flawed": ("flawed", "Annotations that are broken themselves: without area, outside the picture …"),
}
_AIR = 4


class CountButton(QAbstractButton):
    """A number over a word; underlined while chosen."""

    def __init__(self, word: str, tip: str, parent: QWidget | None = None) -> None:
        """Makes the button with the number 0."""
        super().__init__(parent)
        self._number = 0
        self.setText(word)
        self.setToolTip(tip)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def number(self) -> int:
        """What is counted."""
        return self._number

    def count(self, number: int) -> None:
        """Shows another number."""
        self._number = number
        self.setAccessibleName(f"{number:,} {self.text()}")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Two lines."""
        bold, small = QFontMetrics(tabular(self.font(), 1, bold=True)), QFontMetrics(tabular(self.font(), -1))
        width = max(bold.horizontalAdvance(f"{self._number:,}"), small.horizontalAdvance(self.text()))
        return QSize(width + 2 * _AIR, bold.height() + small.height() + 2 * _AIR)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The number, the word, the underline."""
        painter, palette = QPainter(self), self.palette()
        accent, ground = palette.color(QPalette.ColorRole.Highlight), palette.color(QPalette.ColorRole.Window)
        if self.isChecked() or self.underMouse():
            painter.fillRect(self.rect(), mixed(accent, ground, 0.14 if self.isChecked() else 0.07))
        if self.isChecked():
            painter.fillRect(QRect(0, self.height() - 2, self.width(), 2), accent)
        if self.hasFocus():
            painter.setPen(QPen(accent, 1))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        bold, small = tabular(self.font(), 1, bold=True), tabular(self.font(), -1)
        upper = QRect(0, _AIR, self.width(), QFontMetrics(bold).height())
        lower = QRect(0, upper.bottom() + 1, self.width(), QFontMetrics(small).height())
        painter.setFont(bold)
        empty = not self._number
        painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText if empty else QPalette.ColorRole.WindowText))
        painter.drawText(upper, Qt.AlignmentFlag.AlignCenter, f"{self._number:,}")
        painter.setFont(small)
        painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
        painter.drawText(lower, Qt.AlignmentFlag.AlignCenter, self.text())
        painter.end()


class CountBar(QWidget):
    """Counts of objects, of which one is chosen as the filter.

    Signals:
        chosen(kind): a key of `CHOICES`.
    """

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._group = QButtonGroup(self)
        self.buttons: dict[str, CountButton] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 4, 0)
        row.setSpacing(2)
        for kind, (word, tip) in CHOICES.items():
            self.buttons[kind] = CountButton(word, tip, self)
            self._group.addButton(self.buttons[kind])
            row.addWidget(self.buttons[kind])
        self.buttons["all"].setChecked(True)
        self._group.buttonClicked.connect(self._choose)

    @property
    def kind(self) -> str:
        """What is chosen."""
        return next(kind for kind, button in self.buttons.items() if button.isChecked())

    def count(self, numbers: Mapping[str, int]) -> None:
        """Shows other numbers, by key of `CHOICES`."""
        for kind, number in numbers.items():
            self.buttons[kind].count(number)

    @Slot(QAbstractButton)
    def _choose(self, _: QAbstractButton) -> None:
        self.chosen.emit(self.kind)


class Badge(QAbstractButton):
    """A few words with the sign of a notice, on its ground."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """The sign and the words."""
        metrics = QFontMetrics(tabular(self.font(), -1))
        return QSize(metrics.horizontalAdvance(self.text()) + metrics.height() + 16, metrics.height() + 6)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Sign and words on a rounded ground; framed while it is open or has the focus."""
        painter, palette = QPainter(self), self.palette()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        framed = self.isChecked() or self.hasFocus()
        edge = palette.color(QPalette.ColorRole.Highlight if framed else QPalette.ColorRole.Mid)
        painter.setPen(QPen(edge, 1))
        painter.setBrush(strip_colour("notice", palette))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        side = self.height() - 8
        painter.drawPixmap(6, 4, pixmap("notice", side, self.devicePixelRatioF(), palette))
        painter.setFont(tabular(self.font(), -1))
        painter.setPen(palette.color(QPalette.ColorRole.WindowText))
        painter.drawText(self.rect().adjusted(side + 10, 0, -4, 0), Qt.AlignmentFlag.AlignVCenter, self.text())
        painter.end()


class TrapBar(QWidget):
    """A badge for each trap; a click writes its sentence beneath, where it can be marked and copied."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._traps: tuple[Trap, ...] = ()
        self._open = ""
        self.badges: list[Badge] = []
        self._row = QWidget(self)
        self._flow = FlowLayout(self._row, across=4, down=4)
        self._flow.setContentsMargins(8, 0, 8, 0)
        self.sentence = QLabel(self, wordWrap=True)
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.sentence.setContentsMargins(8, 2, 8, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self._row)
        column.addWidget(self.sentence)
        self.show_traps(())

    def show_traps(self, traps: Sequence[Trap]) -> None:
        """Shows other traps; hidden without any."""
        self._traps = tuple(traps)
        while len(self.badges) < len(traps):
            self._add_badge()
        for number, badge in enumerate(self.badges):
            badge.setVisible(number < len(traps))
            if number < len(traps):
                badge.setText(traps[number].title)
                badge.setToolTip(traps[number].sentence)
                badge.setAccessibleName(f"Trap: {traps[number].title}. {traps[number].sentence}")
                badge.updateGeometry()
                badge.update()
        self.setVisible(bool(traps))
        self._show_sentence()

    def _add_badge(self) -> None:
        badge = Badge(self._row)
        self.badges.append(badge)
        self._flow.addWidget(badge)
        badge.clicked.connect(self._toggle)

    @Slot()
    def _toggle(self) -> None:
        for badge, trap in zip(self.badges, self._traps, strict=False):
            if badge is self.sender():
                self._open = "" if trap.name == self._open else trap.name
        self._show_sentence()

    def _show_sentence(self) -> None:
        opened = next((trap for trap in self._traps if trap.name == self._open), None)
        for badge, trap in zip(self.badges, self._traps, strict=False):
            badge.setChecked(trap is opened)
        self.sentence.setText("" if opened is None else opened.sentence)
        self.sentence.setVisible(opened is not None)
