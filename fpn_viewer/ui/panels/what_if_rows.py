"""One setting or gain of the What-if panel: a slider with a mark at the opened value, the exact number, a dot that resets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPalette, QPen
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSlider,
    QSpinBox,
    QStyle,
    QStyleOptionSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from fpn_viewer.ui.panels.probe_paint import tabular
from fpn_viewer.ui.panels.what_if_settings import nearest
from fpn_viewer.ui.widgets.texts import ElidedLabel

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent, QWheelEvent

    from fpn_viewer.ui.panels.what_if_settings import Scale, Value

_SPIN_WIDTH = 76
_DOT = 16
_SWATCH = 10
#: how far the mark of the opened value reaches above and below the groove, px
_MARK = 6


class _WheelWhenFocused:
    """Leaves the wheel to the panel, which scrolls, until the control itself was chosen."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Turns the control, or not."""
        if self.hasFocus():  # type: ignore[attr-defined]
            super().wheelEvent(event)  # type: ignore[misc]
        else:
            event.ignore()


class MarkedSlider(_WheelWhenFocused, QSlider):
    """A slider with a mark at one position, which turns with the wheel only while it has the focus.

    Attributes:
        mark: the marked position.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes a horizontal slider."""
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.mark = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The slider over its mark."""
        painter = QPainter(self)
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.PlaceholderText), 2))
        x, y = self.mark_x(), self.rect().center().y() + 1
        painter.drawLine(QPointF(x, y - _MARK), QPointF(x, y + _MARK))
        painter.end()
        super().paintEvent(event)

    def mark_x(self) -> float:
        """Where the mark stands, px."""
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        control, style = QStyle.ComplexControl.CC_Slider, self.style()
        groove = style.subControlRect(control, option, QStyle.SubControl.SC_SliderGroove, self)
        handle = style.subControlRect(control, option, QStyle.SubControl.SC_SliderHandle, self).width()
        along = QStyle.sliderPositionFromValue(self.minimum(), self.maximum(), self.mark, groove.width() - handle)
        return groove.left() + handle / 2 + along


class _WholeBox(_WheelWhenFocused, QSpinBox):
    """Whole numbers."""


class _NumberBox(_WheelWhenFocused, QDoubleSpinBox):
    """Numbers without zeros at their end."""

    def textFromValue(self, value: float) -> str:
        text = f"{value:.{self.decimals()}f}".rstrip("0").rstrip(".")
        return text.replace(".", self.locale().decimalPoint())


class ResetDot(QToolButton):
    """A dot that stands beside what was changed; pressing it takes the change back."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes a hidden dot that keeps its room."""
        super().__init__(parent)
        self.setAutoRaise(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        policy = QSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        policy.setRetainSizeWhenHidden(True)
        self.setSizePolicy(policy)
        self.hide()

    def sizeHint(self) -> QSize:
        """Small."""
        return QSize(_DOT, _DOT)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The dot, on a button's ground while it is pointed at."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.palette().color(QPalette.ColorRole.Link))
        painter.drawEllipse(QRectF(self.rect()).center(), 4, 4)
        painter.end()


class Swatch(QWidget):
    """A small square of a data colour."""

    def __init__(self, colour: str, parent: QWidget | None = None) -> None:
        """Makes the square."""
        super().__init__(parent)
        self._colour = QColor(colour)
        self.setFixedSize(_SWATCH, _SWATCH)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The colour."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._colour)
        painter.end()


class ValueRow(QWidget):
    """A name, the exact number, a dot that resets, and under them the slider.

    Attributes:
        slider: stops at the scale's values.
        spin: any value that the scale allows.
        dot: back to the opened value.

    Signals:
        moved(value): the user chose a value.
    """

    moved = Signal(object)

    def __init__(self, title: str, tip: str, scale: Scale, opened: Value, colour: str = "", parent: QWidget | None = None) -> None:
        """Makes the row at its opened value.

        Args:
            title: its name.
            tip: its tooltip.
            scale: where the slider stops and what can be typed.
            opened: the value in the detector as it was opened.
            colour: "#rrggbb" of a square before the name; "" for none.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._scale, self._opened, self._stops = scale, opened, scale.stops(opened)
        self._label = ElidedLabel(title, self)
        self.slider, self.spin, self.dot = MarkedSlider(self), _box(scale, self), ResetDot(self)
        self.slider.setRange(0, len(self._stops) - 1)
        self.slider.setPageStep(max(1, len(self._stops) // 10))
        self.slider.mark = self._stops.index(opened)
        for part, name in ((self.slider, title), (self.spin, title), (self.dot, f"Reset {title}")):
            part.setAccessibleName(name)
        shown = self.spin.textFromValue(opened)  # type: ignore[arg-type]
        self.setToolTip(f"{tip}\nThe opened detector has {shown}{scale.unit}.")
        self.dot.setToolTip(f"Back to {shown}{scale.unit}, as in the opened detector")
        self._lay_out(colour)
        self.slider.valueChanged.connect(self._slid)
        self.spin.valueChanged.connect(self._typed)
        self.dot.clicked.connect(self._reset)
        self.show_value(opened)

    def _lay_out(self, colour: str) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(6)
        if colour:
            head.addWidget(Swatch(colour, self))
        head.addWidget(self._label, 1)
        head.addWidget(self.dot)
        head.addWidget(self.spin)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 4)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self.slider)

    @property
    def title(self) -> str:
        """Its name."""
        return self._label.text()

    def show_value(self, value: Value) -> None:
        """Follows a value without reporting it as a move."""
        with QSignalBlocker(self.slider), QSignalBlocker(self.spin):
            self.slider.setValue(nearest(self._stops, value))
            self.spin.setValue(value)  # type: ignore[arg-type]
        self.dot.setVisible(value != self._opened)

    def _slid(self, position: int) -> None:
        # a hand that drags does not hit one stop among a hundred
        if self.slider.isSliderDown() and abs(position - self.slider.mark) <= self._scale.snap:
            position = self.slider.mark
        self._choose(self._stops[position])

    def _typed(self, value: Value) -> None:
        self._choose(value)

    def _reset(self) -> None:
        # the dot is about to hide and must not hand the focus to whatever comes next
        self.slider.setFocus(Qt.FocusReason.OtherFocusReason)
        self._choose(self._opened)

    def _choose(self, value: Value) -> None:
        self.show_value(value)
        self.moved.emit(value)


def _box(scale: Scale, parent: QWidget) -> QSpinBox | QDoubleSpinBox:
    box: QSpinBox | QDoubleSpinBox
    if scale.decimals:
        box = _NumberBox(parent)
        box.setDecimals(scale.decimals)
        box.setRange(scale.low, scale.high)
    else:
        box = _WholeBox(parent)
        box.setRange(int(scale.low), int(scale.high))
        box.setGroupSeparatorShown(True)
    box.setStepType(QSpinBox.StepType.AdaptiveDecimalStepType)
    # what is half typed is not meant
    box.setKeyboardTracking(False)
    box.setSuffix(scale.unit)
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    box.setAlignment(Qt.AlignmentFlag.AlignRight)
    box.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
    box.setFont(tabular(box.font()))
    box.setFixedWidth(_SPIN_WIDTH)
    return box


def note(text: str, parent: QWidget | None = None) -> QLabel:
    """A muted sentence that breaks into lines."""
    label = QLabel(text, parent)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    return label
