"""Small widgets of the tab "Scan": a choice of a few, a label to copy from, and the line that reads what is pointed at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter, QPalette
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QLabel, QScrollArea, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from fpn_viewer.ui.panels.probe_paint import tabular

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QPaintEvent, QResizeEvent
    from PySide6.QtWidgets import QLayout

    from fpn_viewer.ui.scan.chart import Chart, Mark

_LINE = 2
#: px kept free above and below what is scrolled to
_AIR = 24
#: letters of the longest sentences that are read out
_READ = 120


class Pressable(QToolButton):
    """A button that stays pressed, with a line of the accent colour under it: the shade alone cannot be told in a dark theme."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes the button, which is not pressed."""
        super().__init__(parent)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The button and the line."""
        super().paintEvent(event)
        if self.isChecked():
            painter = QPainter(self)
            colour = self.palette().color(QPalette.ColorRole.Link)
            painter.fillRect(3, self.height() - _LINE, self.width() - 6, _LINE, colour)
            painter.end()


class Choice(QWidget):
    """Buttons side by side of which one is pressed.

    Signals:
        changed(index): another one was pressed, by the user or by `choose`.
    """

    changed = Signal(object)

    def __init__(self, name: str, rows: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        """Makes the buttons; the first is pressed.

        Args:
            name: for screen readers.
            rows: (text, tooltip) of each.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self.setAccessibleName(name)
        self._tips = [tip for _, tip in rows]
        self._group = QButtonGroup(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(1)
        for number, (text, tip) in enumerate(rows):
            button = Pressable(self)
            button.setText(text)
            button.setToolTip(tip)
            button.setAccessibleName(f"{name}: {text}")
            button.setChecked(number == 0)
            self._group.addButton(button, number)
            layout.addWidget(button)
        self._group.idToggled.connect(self._toggled)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    @property
    def current(self) -> int:
        """The pressed one."""
        return self._group.checkedId()

    def button(self, index: int) -> QToolButton:
        """One of the buttons."""
        button = self._group.button(index)
        assert isinstance(button, QToolButton)
        return button

    def choose(self, index: int) -> None:
        """Presses a button."""
        self.button(index).setChecked(True)

    def set_enabled(self, index: int, enabled: bool, why_not: str) -> None:
        """Lets a button be pressed or not; one that is pressed and cannot be gives way to the first."""
        self.button(index).setEnabled(enabled)
        self.button(index).setToolTip(self._tips[index] if enabled else why_not)
        if not enabled and self.current == index:
            self.choose(0)

    def _toggled(self, index: int, on: bool) -> None:
        if on:
            self.changed.emit(index)


def words_label(parent: QWidget, *, muted: bool = False, large: bool = False) -> QLabel:
    """A label of plain text that wraps and can be selected.

    Args:
        parent: the Qt parent.
        muted: in the second colour.
        large: in the larger of the two sizes, bold.
    """
    label = QLabel(parent)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    label.setFont(tabular(label.font(), 2.0 if large else 0.0, bold=large))
    if muted:
        label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    return label


class Readout(QLabel):
    """One line, or two where the page is narrow: what is pointed at, or what can be done."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes an empty line."""
        super().__init__(parent)
        self._hint = ""
        self._mark: Mark | None = None
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setFont(tabular(self.font()))
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.setWordWrap(True)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Takes as many lines as what is read out needs, whatever it is: charts do not jump while they are read."""
        super().resizeEvent(event)
        metrics = self.fontMetrics()
        self.setFixedHeight(metrics.lineSpacing() * (1 if self.width() >= _READ * metrics.averageCharWidth() else 2))

    def set_hint(self, text: str) -> None:
        """What stands there while nothing is pointed at."""
        self._hint = text
        self.show_mark(self._mark)

    def show_mark(self, mark: Mark | None) -> None:
        """Reads a mark, or nothing."""
        self._mark = mark
        self.setText(mark.name if mark is not None else self._hint)
        self.setToolTip(self.text())
        self.setForegroundRole(QPalette.ColorRole.PlaceholderText if mark is None else QPalette.ColorRole.WindowText)


def page_column(page: QWidget, head: QLayout, body: QWidget, readout: QWidget) -> None:
    """Lays a page out: its head, the chart or table that takes the room, and what is pointed at."""
    column = QVBoxLayout(page)
    column.setContentsMargins(12, 8, 12, 8)
    column.setSpacing(8)
    column.addLayout(head)
    column.addWidget(body, 1)
    column.addWidget(readout)


class ChartScroll(QScrollArea):
    """Room for a chart that may be higher than the window: it grows with it, and what the keys point at is scrolled to."""

    def __init__(self, chart: Chart, parent: QWidget | None = None) -> None:
        """Makes the room; the widget that holds the chart is set by `setWidget`.

        Args:
            chart: in that widget, or that widget.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._chart = chart
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        chart.pointed.connect(self._keep_in_view)

    def _keep_in_view(self, mark: Mark | None) -> None:
        inside = self.widget()
        if mark is not None and inside is not None and self._chart.hasFocus():
            at = self._chart.mapTo(inside, mark.at.toPoint())
            self.ensureVisible(at.x(), at.y(), 0, _AIR)
