"""The stages that lose objects, the biggest loss first; each filters the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from fpn_viewer.engine.scan.looks import state_look
from fpn_viewer.engine.scan.words import counted, share, state_name
from fpn_viewer.ui.canvas.flow import FlowLayout
from fpn_viewer.ui.panels.probe_paint import tabular
from fpn_viewer.ui.scan.looks import fill, state_tip
from fpn_viewer.ui.scan.parts import Pressable

if TYPE_CHECKING:
    from fpn_viewer.engine.scan.filters import Filter
    from fpn_viewer.engine.scan.numbers.values import Funnel

_SIDE = 14


class StateChip(Pressable):
    """A state of a funnel: its look, its name and how many objects.

    Attributes:
        state: as in `Funnel.states`.
        filter: that of its objects.
    """

    def __init__(self, funnel: Funnel, state: str, count: int, parent: QWidget) -> None:
        """Makes the chip of a state with `count` objects."""
        super().__init__(parent)
        self.state, self.filter = state, funnel.picked(state)
        self.setText(f"{state_name(state)}  {count:,}")
        self.setFont(tabular(self.font()))
        self.setAutoRaise(True)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setIconSize(QSize(_SIDE, _SIDE))
        self.setAccessibleName(f"{state_name(state)}: {counted(count)}, {share(count, funnel.total)} of all")
        self.setToolTip(f"{self.accessibleName()}\n{state_tip(state)}\nClick to list them")
        self.draw_icon()

    def draw_icon(self) -> None:
        """Draws the look on the ground of the palette."""
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(QSize(_SIDE, _SIDE) * ratio)
        pixmap.setDevicePixelRatio(ratio)
        base = self.palette().color(QPalette.ColorRole.Window)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        fill(painter, QRectF(0, 0, _SIDE, _SIDE), state_look(self.state), base)
        painter.end()
        self.setIcon(QIcon(pixmap))


class LossLegend(QWidget):
    """Chips of all states that have objects, the biggest loss first, found objects last.

    Signals:
        chosen(filter): a chip was pressed; the `Filter` of its objects.
    """

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes an empty legend."""
        super().__init__(parent)
        self._chips: tuple[StateChip, ...] = ()
        self._filter: Filter | None = None
        self._flow = FlowLayout(self, across=4, down=2)
        self._flow.setContentsMargins(0, 0, 0, 0)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    @property
    def chips(self) -> tuple[StateChip, ...]:
        """In order."""
        return self._chips

    def show_funnel(self, funnel: Funnel) -> None:
        """Makes the chips of a funnel."""
        focused = next((chip.state for chip in self._chips if chip.hasFocus()), None)
        while self._flow.count():
            self._flow.takeAt(0)
        for chip in self._chips:
            chip.hide()
            chip.deleteLater()
        pairs = list(zip(funnel.states, funnel.by_state.tolist(), strict=True))
        order = [*sorted(pairs[:-1], key=lambda pair: -pair[1]), pairs[-1]]
        self._chips = tuple(StateChip(funnel, state, count, self) for state, count in order if count)
        for chip in self._chips:
            self._flow.addWidget(chip)
            chip.clicked.connect(self._pressed)
            chip.show()
            if chip.state == focused:
                chip.setFocus()
        if self._filter is not None:
            self.show_filter(self._filter)
        self.updateGeometry()

    def show_filter(self, shown: Filter) -> None:
        """Presses the chip whose objects the table lists."""
        self._filter = shown
        for chip in self._chips:
            chip.setChecked(chip.filter == shown)

    def _pressed(self) -> None:
        chip = self.sender()
        if isinstance(chip, StateChip):
            chip.setChecked(chip.filter == self._filter)
            self.chosen.emit(chip.filter)

    def changeEvent(self, event: QEvent) -> None:
        """Follows the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            for chip in self._chips:
                chip.draw_icon()
