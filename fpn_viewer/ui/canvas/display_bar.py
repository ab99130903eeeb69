"""The controls under the grid: how maps are made, coloured and laid over the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QRectF, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QIcon, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QSizePolicy, QSlider, QSpinBox, QToolButton, QWidget

from fpn_viewer.engine.values import REDUCTIONS, SCALES
from fpn_viewer.ui.canvas.flow import FlowLayout
from fpn_viewer.ui.canvas.keys import shown as key
from fpn_viewer.ui.canvas.legend import draw_lock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtGui import QShowEvent

    from fpn_viewer.viewmodels.display import Display, DisplayState

#: what the combo says; the tooltip of an entry has the full words of `REDUCTIONS`
SHORT: dict[str, str] = {
    "mean_abs": "mean |x|",
    "l2": "L2 norm",
    "max": "maximum",
    "mean": "mean, signed",
    "channel": "one channel",
    "pca": "PCA as RGB",
}
SHORT_SCALES: dict[str, str] = {"cell": "per cell", "row": "per row", "locked": "locked"}
_LOCK_SIDE = 12
_SLIDER = 56


class DisplayBar(QWidget):
    """Reduction, channel, scale, opacity and switches, bound to a `Display` both ways.

    Attributes:
        reduction: how channels become one plane.
        channel: which channel, for the reduction "channel".
        channel_slider: the same.
        scale: over which maps one colour scale is shared.
        opacity: of the maps, in percent.
        smooth: maps interpolated.
        detections: boxes drawn.
        receptive: receptive field drawn.
        fit: the whole picture.
        one_to_one: 100 %.

    Signals:
        fit_requested(): "Fit" was pressed.
        one_to_one_requested(): "100 %" was pressed.
    """

    fit_requested = Signal()
    one_to_one_requested = Signal()

    def __init__(self, display: Display, parent: QWidget | None = None) -> None:
        """Makes the bar as the display is now.

        Args:
            display: read and changed.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._display = display
        self._flow = FlowLayout(self)
        self._flow.setContentsMargins(4, 4, 4, 4)
        self._make_combos()
        self._make_channel()
        self._make_opacity()
        self._make_switches()
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        display.changed.connect(self._show)
        self._show(display.state)

    def _make_combos(self) -> None:
        keys = f"{key('step_reduction', -1)} {key('step_reduction', 1)}"
        self.reduction = self._combo(
            SHORT,
            REDUCTIONS,
            f"How the channels of a map become one plane ({keys})",
        )
        self.reduction.currentIndexChanged.connect(self._reduction_chosen)
        self.scale = self._combo(SHORT_SCALES, SCALES, f"Over which maps one colour scale is shared ({key('step_scale')})")
        self.scale.currentIndexChanged.connect(self._scale_chosen)
        self._flow.addWidget(_labelled("", self.reduction))

    def _make_channel(self) -> None:
        self._back = _tool("◀", f"Previous channel ({key('step_channel', -1)}; with Shift ten)")
        self._on = _tool("▶", f"Next channel ({key('step_channel', 1)}; with Shift ten)")
        self.channel = QSpinBox()
        self.channel.setWrapping(True)
        self.channel.setKeyboardTracking(False)
        self.channel.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
        self.channel.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.channel_slider = QSlider(Qt.Orientation.Horizontal)
        self.channel_slider.setFixedWidth(_SLIDER)
        for control in (self.channel, self.channel_slider):
            control.setToolTip(f"The channel shown ({key('step_channel', -1)} {key('step_channel', 1)})")
            control.valueChanged.connect(self._channel_chosen)
        self._back.clicked.connect(self._step_back)
        self._on.clicked.connect(self._step_on)
        for button in (self._back, self._on):
            button.setAutoRepeat(True)
            button.setAutoRepeatInterval(50)
        self._flow.addWidget(_labelled("Channel", self._back, self.channel, self._on, self.channel_slider))
        self._flow.addWidget(_labelled("Scale", self.scale))

    def _make_opacity(self) -> None:
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(0, 100)
        self.opacity.setPageStep(10)
        self.opacity.setFixedWidth(_SLIDER)
        self.opacity.setToolTip(
            f"How much of the map covers the picture (Ctrl+wheel, {key('step_opacity', 1)} {key('step_opacity', -1)})"
        )
        self.opacity.valueChanged.connect(self._opacity_chosen)
        self._percent = QLabel()
        self._percent.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._percent.setFixedWidth(self.fontMetrics().horizontalAdvance("100 %") + 2)
        self._flow.addWidget(_labelled("Opacity", self.opacity, self._percent))

    def _make_switches(self) -> None:
        self.smooth = _switch("Smooth", f"Interpolate maps, or show their cells as they are ({key('toggle_smooth')})")
        self.detections = _switch("Boxes", f"Detections: the boxes the detector found ({key('toggle_detections')})")
        self.receptive = _switch(
            "Field",
            f"Receptive field: the part of the picture that the cell under the cursor can depend on ({key('toggle_receptive')})",
        )
        self.fit = _tool("Fit", f"The whole picture in every cell ({key('fit')})")
        self.one_to_one = _tool("100 %", f"One pixel of the picture on one of the screen ({key('one_to_one')})")
        self.smooth.toggled.connect(self._smooth_chosen)
        self.detections.toggled.connect(self._detections_chosen)
        self.receptive.toggled.connect(self._receptive_chosen)
        self.fit.clicked.connect(self.fit_requested)
        self.one_to_one.clicked.connect(self.one_to_one_requested)
        self._flow.addWidget(_labelled("", self.smooth, self.detections, self.receptive))
        self._flow.addWidget(_labelled("", self.fit, self.one_to_one))

    def _combo(self, short: Mapping[str, str], full: Mapping[str, str], tip: str) -> QComboBox:
        combo = QComboBox()
        combo.setToolTip(tip)
        combo.setAccessibleName(tip)
        for name, words in full.items():
            combo.addItem(short.get(name, words), name)
            combo.setItemData(combo.count() - 1, words, Qt.ItemDataRole.ToolTipRole)
        return combo

    # -- from the controls ------------------------------------------------------------------------------------------

    def _reduction_chosen(self) -> None:
        self._display.update(reduction=self.reduction.currentData())

    def _scale_chosen(self) -> None:
        self._display.update(scale=self.scale.currentData())

    def _channel_chosen(self, channel: int) -> None:
        self._display.update(channel=channel)

    def _step_back(self) -> None:
        self._display.step_channel(-1)

    def _step_on(self) -> None:
        self._display.step_channel(1)

    def _opacity_chosen(self, percent: int) -> None:
        self._display.update(opacity=percent / 100)

    def _smooth_chosen(self, on: bool) -> None:
        self._display.update(smooth=on)

    def _detections_chosen(self, on: bool) -> None:
        self._display.update(detections=on)

    def _receptive_chosen(self, on: bool) -> None:
        self._display.update(receptive=on)

    # -- to the controls --------------------------------------------------------------------------------------------

    def _show(self, state: DisplayState, names: object = None) -> None:
        values = (self.reduction, self.scale, self.channel, self.channel_slider, self.opacity)
        # what is shown must not come back rounded as if the user had chosen it
        blocked = [QSignalBlocker(control) for control in (*values, self.smooth, self.detections, self.receptive)]
        self.reduction.setCurrentIndex(self.reduction.findData(state.reduction))
        self.scale.setCurrentIndex(self.scale.findData(state.scale))
        for control in (self.channel, self.channel_slider):
            # a range that is set, though it is the same, lays the whole window out again
            if control.maximum() != max(0, state.channels - 1):
                control.setRange(0, max(0, state.channels - 1))
            control.setValue(state.channel)
            control.setEnabled(state.reduction == "channel")
        self.opacity.setValue(round(state.opacity * 100))
        self._percent.setText(f"{state.opacity:.0%}".replace("%", " %"))
        for switch, on in ((self.smooth, state.smooth), (self.detections, state.detections), (self.receptive, state.receptive)):
            switch.setChecked(on)
        del blocked

    def changeEvent(self, event: QEvent) -> None:
        """Follows the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._draw_lock()

    def showEvent(self, event: QShowEvent) -> None:
        """Draws the lock for the screen it is on."""
        super().showEvent(event)
        self._draw_lock()

    def _draw_lock(self) -> None:
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(round(_LOCK_SIDE * ratio), round(_LOCK_SIDE * ratio))
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        draw_lock(painter, QRectF(0, 0, _LOCK_SIDE, _LOCK_SIDE), self.palette().color(QPalette.ColorRole.ButtonText))
        painter.end()
        self.scale.setItemIcon(self.scale.findData("locked"), QIcon(pixmap))


def _labelled(text: str, *controls: QWidget) -> QWidget:
    """Controls that stay together when the row breaks, with a label before them."""
    group = QWidget()
    row = QHBoxLayout(group)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(4)
    if text:
        label = QLabel(text)
        label.setBuddy(controls[0])
        row.addWidget(label)
    for control in controls:
        row.addWidget(control)
    return group


def _tool(text: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button


def _switch(text: str, tip: str) -> QCheckBox:
    box = QCheckBox(text)
    box.setToolTip(tip)
    box.setAccessibleDescription(tip)
    return box
