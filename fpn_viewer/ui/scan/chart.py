"""A chart whose parts can be pointed at, stepped through with the keys, and chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QEvent, QPointF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPainterPath, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from fpn_viewer.ui.canvas.legend import small_font
from fpn_viewer.ui.panels.probe_paint import tabular

if TYPE_CHECKING:
    from PySide6.QtCore import QRectF
    from PySide6.QtGui import QColor, QFocusEvent, QFont, QHelpEvent, QKeyEvent, QMouseEvent, QPaintEvent, QResizeEvent

    from fpn_viewer.engine.scan.filters import Filter

Role = QPalette.ColorRole
_STEPS = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}
_ENDS = {Qt.Key.Key_Home: 0, Qt.Key.Key_End: -1}
_CHOOSE = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)
#: how much worse a step across is than one along the arrow
_ASIDE = 4.0
_LEAST = 1.0


@dataclass(frozen=True)
class Mark:
    """A part of a chart.

    Attributes:
        path: its outline, px of the chart.
        at: the point that the keys go by, px of the chart.
        name: what it is, with its number: "RPN top-k · 8–16 px: 98".
        tip: the tooltip: the name and what it means.
        chosen: the filter that leaves just its objects; None where it cannot be chosen.
        row: parts of one row follow each other by the left and right arrow; None where there are no rows.
    """

    path: QPainterPath
    at: QPointF
    name: str
    tip: str
    chosen: Filter | None = None
    row: int | None = None


class Chart(QWidget):
    """Base of the charts: a subclass places its marks in `arrange` and draws in `paint`.

    Signals:
        pointed(mark): the `Mark` under the mouse or of the keys, or None.
        chosen(filter): the `Filter` of a mark that was clicked, or Enter was pressed on it.
    """

    pointed = Signal(object)
    chosen = Signal(object)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        """Makes an empty chart.

        Args:
            name: for screen readers.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._marks: tuple[Mark, ...] = ()
        self._current: int | None = None
        self._filtered: Filter | None = None
        self.setAccessibleName(name)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    # -- for subclasses ---------------------------------------------------------------------------------------------

    def arrange(self) -> tuple[Mark, ...]:
        """Places everything in the room there is, and answers the parts that can be pointed at."""
        raise NotImplementedError

    def paint(self, painter: QPainter) -> None:
        """Draws all but what is pointed at; the painter has the widget's font, figures of equal width."""
        raise NotImplementedError

    # -- what is shown ----------------------------------------------------------------------------------------------

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The parts, in drawing order."""
        return self._marks

    @property
    def current(self) -> Mark | None:
        """The part that is pointed at."""
        return self._marks[self._current] if self._current is not None else None

    def show_filter(self, shown: Filter) -> None:
        """Outlines the part whose objects are the ones that the table lists."""
        if shown != self._filtered:
            self._filtered = shown
            self.update()

    def refresh(self) -> None:
        """Places and draws everything anew."""
        kept = self.current.name.partition(":")[0] if self.current is not None else None
        self._marks = self.arrange()
        names = [mark.name.partition(":")[0] for mark in self._marks]
        self._current = names.index(kept) if kept in names else None
        self.updateGeometry()
        self.update()

    def figures(self, bold: bool = False) -> QFont:
        """The widget's font with figures of equal width."""
        return tabular(self.font(), bold=bold)

    @property
    def small(self) -> QFont:
        """The second of the two text sizes."""
        return small_font(self.font())

    def ink(self, muted: bool = False) -> QColor:
        """The colour of text."""
        return self.palette().color(Role.PlaceholderText if muted else Role.WindowText)

    def base(self) -> QColor:
        """The ground."""
        return self.palette().color(Role.Window)

    # -- painting ---------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """The chart, and what is pointed at."""
        painter = QPainter(self)
        self._paint_all(painter)
        if self.current is not None:
            self._outline(painter, self.current, 2.0)
        painter.end()

    def _paint_all(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self.figures())
        self.paint(painter)
        for mark in self._marks:
            if mark.chosen is not None and mark.chosen == self._filtered:
                self._outline(painter, mark, 3.0)

    def _outline(self, painter: QPainter, mark: Mark, width: float) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, line in ((self.base(), width + 2), (self.ink(), width)):
            painter.setPen(QPen(colour, line))
            painter.drawPath(mark.path)

    # -- mouse ------------------------------------------------------------------------------------------------------

    def mark_at(self, point: QPointF) -> int | None:
        """The topmost mark under a point, by its number."""
        hits = (number for number in reversed(range(len(self._marks))) if self._marks[number].path.contains(point))
        return next(hits, None)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Points at what is under the mouse."""
        self._point(self.mark_at(event.position()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Chooses what is under the mouse."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._point(self.mark_at(event.position()))
            self._choose()

    def leaveEvent(self, event: QEvent) -> None:
        """Points at nothing, unless the keys are here."""
        super().leaveEvent(event)
        if not self.hasFocus():
            self._point(None)

    def event(self, event: QEvent) -> bool:
        """Answers with a tooltip that knows what is under the mouse."""
        if event.type() == QEvent.Type.ToolTip:
            asked = cast("QHelpEvent", event)
            number = self.mark_at(QPointF(asked.pos()))
            QToolTip.showText(asked.globalPos(), self._marks[number].tip if number is not None else self.toolTip(), self)
            return True
        return super().event(event)

    # -- keys -------------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows go to the next part in their direction, Home and End to the ends, Enter and Space choose."""
        key = Qt.Key(event.key())
        if not self._marks or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            event.ignore()
        elif key in _ENDS:
            self._point(_ENDS[key] % len(self._marks))
        elif key in _STEPS:
            self._step(*_STEPS[key])
        elif key in _CHOOSE and self._current is not None:
            self._choose()
        else:
            event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Shows where the keys are."""
        super().focusInEvent(event)
        if self._current is None and self._marks and event.reason() != Qt.FocusReason.MouseFocusReason:
            self._point(0)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Points at nothing."""
        super().focusOutEvent(event)
        self._point(None)

    def _step(self, across: int, down: int) -> None:
        """To the nearest part in a direction; what lies aside is farther than what lies ahead."""
        here = self.current
        if here is None:
            self._point(0)
            return
        best: tuple[float, int] | None = None
        for number, mark in enumerate(self._marks):
            in_row = here.row is not None and (mark.row == here.row) == bool(across)
            if here.row is not None and not in_row:
                continue
            way = mark.at - here.at
            ahead = way.x() * across + way.y() * down
            aside = abs(way.x() * down) + abs(way.y() * across)
            far = ahead + (0.0 if across and in_row else _ASIDE * aside)
            if ahead >= _LEAST and (best is None or far < best[0]):
                best = far, number
        if best is not None:
            self._point(best[1])

    def _point(self, number: int | None) -> None:
        if number == self._current:
            return
        self._current = number
        mark = self.current
        self.setCursor(
            Qt.CursorShape.PointingHandCursor if mark is not None and mark.chosen is not None else Qt.CursorShape.ArrowCursor
        )
        self.setAccessibleDescription(mark.name if mark is not None else "")
        self.update()
        self.pointed.emit(mark)

    def _choose(self) -> None:
        mark = self.current
        if mark is not None and mark.chosen is not None:
            self.chosen.emit(mark.chosen)

    # -- what changes -----------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Places everything in the new room."""
        super().resizeEvent(event)
        self.refresh()

    def changeEvent(self, event: QEvent) -> None:
        """Follows theme and font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self.refresh()

    def sizeHint(self) -> QSize:
        """Room in which it reads well."""
        return QSize(640, 320)


def box_path(rect: QRectF) -> QPainterPath:
    """The outline of a rectangle."""
    path = QPainterPath()
    path.addRect(rect)
    return path
