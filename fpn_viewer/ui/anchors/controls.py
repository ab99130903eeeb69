"""Small controls of the strip: they show a setting and change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QColor, QFont, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from fpn_viewer.ui.anchors.state import Layers

_SWATCH = 10


class FieldBox(QCheckBox):
    """A check box for a true-or-false setting."""

    def __init__(self, layers: Layers, field: str, text: str, tip: str) -> None:
        """Makes the box.

        Args:
            layers: the settings.
            field: which of them.
            text: what the box says.
            tip: its tooltip.
        """
        super().__init__(text)
        self._layers, self._field = layers, field
        self.setToolTip(tip)
        self.toggled.connect(self._toggled)

    def show_state(self) -> None:
        """Follows the setting."""
        with QSignalBlocker(self):
            self.setChecked(bool(getattr(self._layers.state, self._field)))

    def _toggled(self, on: bool) -> None:
        self._layers.update(**{self._field: on})


class MemberBox(QCheckBox):
    """A check box for one member of a `hidden_…` setting: checked when it is shown."""

    def __init__(self, layers: Layers, field: str, member: object, text: str, tip: str, colour: str = "") -> None:
        """Makes the box.

        Args:
            layers: the settings.
            field: which of the sets.
            member: of the set.
            text: what the box says.
            tip: its tooltip.
            colour: of its swatch, or "" for none.
        """
        super().__init__(text)
        self._layers, self._field, self._member = layers, field, member
        self.setToolTip(tip)
        if colour:
            self.setIcon(swatch(colour))
        self.toggled.connect(self._toggled)
        self.show_state()

    def show_state(self) -> None:
        """Follows the setting."""
        with QSignalBlocker(self):
            self.setChecked(self._member not in getattr(self._layers.state, self._field))

    def _toggled(self, on: bool) -> None:
        self._layers.set_hidden(self._field, self._member, not on)


class ValueSlider(QWidget):
    """A slider with its name and its value.

    Signals:
        moved(position): the user moved it.
    """

    moved = Signal(object)

    def __init__(self, name: str, tip: str, steps: int) -> None:
        """Makes the slider.

        Args:
            name: before the value.
            tip: its tooltip.
            steps: positions 0 … steps.
        """
        super().__init__()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, steps)
        self.slider.setPageStep(max(1, steps // 10))
        self.slider.setAccessibleName(name)
        self.value = QLabel()
        self.setToolTip(tip)
        self.slider.valueChanged.connect(self._moved)
        line = QHBoxLayout()
        line.addWidget(QLabel(name))
        line.addStretch()
        line.addWidget(self.value)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(line)
        column.addWidget(self.slider)

    def show_value(self, position: int, text: str) -> None:
        """Follows a setting without reporting it as a move."""
        with QSignalBlocker(self.slider):
            self.slider.setValue(position)
        self.value.setText(text)

    def _moved(self, position: int) -> None:
        self.moved.emit(position)


def heading(text: str, tip: str = "") -> QLabel:
    """The title of a section."""
    label = QLabel(text)
    font = QFont(label.font())
    font.setBold(True)
    label.setFont(font)
    label.setToolTip(tip)
    return label


def swatch(colour: str) -> QIcon:
    """A small square of a data colour."""
    pixmap = QPixmap(_SWATCH, _SWATCH)
    pixmap.fill(QColor(colour))
    painter = QPainter(pixmap)
    painter.setPen(QColor(0, 0, 0, 90))
    painter.drawRect(0, 0, _SWATCH - 1, _SWATCH - 1)
    painter.end()
    return QIcon(pixmap)
