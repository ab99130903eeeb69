"""The line at the top: which picture, which detector, on which device, and the button that runs or stops it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPalette
from PySide6.QtWidgets import QComboBox, QSizePolicy, QToolBar, QToolButton, QWidget

from fpn_viewer.ui.icons import icon
from fpn_viewer.ui.panels.status import STOPPABLE
from fpn_viewer.ui.widgets.texts import ElidedLabel, MenuChip, StripedBadge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtGui import QAction, QPaintEvent
    from PySide6.QtWidgets import QMenu

    from fpn_viewer.core.detectors.spec import DetectorSpec
    from fpn_viewer.engine.values import DetectorInfo
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.states import RunState

UNTRAINED = "These weights are random: the maps show the architecture, and detections mean nothing"


class TopBar(QToolBar):
    """Previous, next, picture, detector, device, Run.

    Signals:
        device_chosen(name): "auto", "cpu", "cuda:0" …, by the user.
    """

    device_chosen = Signal(object)

    def __init__(self, document: Document, actions: Mapping[str, QAction], detectors: QMenu, parent: QWidget | None = None) -> None:
        """Makes the bar over a document.

        Args:
            document: What is open.
            actions: By `ActionRow.id`.
            detectors: The chip's menu.
            parent: The Qt parent.
        """
        super().__init__("Tools", parent)
        self.setObjectName("tools")
        self.setMovable(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.setIconSize(QSize(20, 20))
        self._document, self._run, self._cancel = document, actions["run"], actions["cancel"]
        self._opening = False
        self.picture = ElidedLabel()
        self.chip = MenuChip()
        self.chip.setMenu(detectors)
        self.badge = StripedBadge("untrained")
        self.badge.setToolTip(UNTRAINED)
        self.device = QComboBox()
        self.device.setToolTip("Where the detector runs; “auto” takes the best there is")
        self.device.setAccessibleName("Device")
        self.device.activated.connect(self._choose_device)
        self.button = QToolButton()
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._lay_out(actions)
        self._connect()
        self._draw_icons()
        self.show_devices(("cpu",), "auto")

    def show_devices(self, devices: tuple[str, ...], current: str) -> None:
        """Fills the device chooser.

        Args:
            devices: What the machine has.
            current: What is in use, or "auto".
        """
        names = ["auto", *devices]
        if current not in names:
            names.append(current)
        self.device.clear()
        self.device.addItems(names)
        self.device.setCurrentText(current)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws a plain ground with a line below; Fusion's own lines are white in the dark theme."""
        painter = QPainter(self)
        painter.setPen(self.palette().color(QPalette.ColorRole.Mid))
        painter.drawLine(0, self.height() - 1, self.width(), self.height() - 1)
        painter.end()

    def changeEvent(self, event: QEvent) -> None:
        """Follows the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._draw_icons()

    def _lay_out(self, actions: Mapping[str, QAction]) -> None:
        self.addAction(actions["previous"])
        self.addAction(actions["next"])
        for name in ("previous", "next"):
            self.widgetForAction(actions[name]).setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.picture.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.picture.setContentsMargins(4, 0, 8, 0)
        self.addWidget(self.picture)
        self.addWidget(self.chip)
        self._badge_action = self.addWidget(self.badge)
        self.addWidget(_gap(8))
        self.addWidget(self.device)
        self.addWidget(_gap(8))
        self.addWidget(self.button)
        self.addWidget(_gap(4))

    def _connect(self) -> None:
        document = self._document
        document.pictures_changed.connect(self._show_picture)
        document.current_changed.connect(self._show_picture)
        document.detector_changed.connect(self._show_detector)
        document.state_changed.connect(self._show_state)
        self._show_picture()
        self._show_detector(document.detector)
        self._show_state(document.run_state)

    def _show_picture(self) -> None:
        document = self._document
        if document.path is None:
            self.picture.set_text("No picture")
            return
        place = f"{document.index + 1}/{len(document.pictures):,}"
        self.picture.set_text(f"{Path(document.path).name}   {place}", document.path)

    def _show_detector(self, info: DetectorInfo | None) -> None:
        self._badge_action.setVisible(info is not None and info.spec.untrained)
        if info is None:
            self.chip.setText("No detector")
            self.chip.setToolTip("Choose a detector, or open a checkpoint")
        else:
            self.chip.setText(info.spec.summary)
            weights = f"{info.parameters / 1e6:.3g} million weights"
            self.chip.setToolTip("\n".join((info.spec.summary, info.source, weights, *_known(info.spec), "Click for another one")))
            self.show_devices(info.devices, info.device)
        self.chip.updateGeometry()

    def _show_state(self, state: RunState) -> None:
        running = state.kind in STOPPABLE
        self._cancel.setEnabled(running)
        self._run.setEnabled(not running and self._document.detector is not None and self._document.path is not None)
        wanted = self._cancel if running else self._run
        if self.button.defaultAction() is not wanted:
            # An action that stayed behind would be offered as the button's menu.
            for action in self.button.actions():
                self.button.removeAction(action)
            self.button.setDefaultAction(wanted)
        if state.kind == "opening":
            self._opening = True
            self.chip.setText(f"{state.text}…" + (f" {state.fraction:.0%}" if state.fraction else ""))
            self.chip.updateGeometry()
        elif self._opening or self._document.detector is None:
            # one that did not open leaves the one before in its place
            self._opening = False
            self._show_detector(self._document.detector)

    def _choose_device(self) -> None:
        self.device_chosen.emit(self.device.currentText())

    def _draw_icons(self) -> None:
        self.chip.setIcon(icon("checkpoint", self.palette()))
        widest = max(self.fontMetrics().horizontalAdvance(text) for text in ("Run", "Cancel"))
        # The bar must not jump when the button changes.
        self.button.setMinimumWidth(widest + self.iconSize().width() + 24)


def _gap(width: int) -> QWidget:
    gap = QWidget()
    gap.setFixedWidth(width)
    return gap


def _known(spec: DetectorSpec) -> list[str]:
    """Every setting with its value and, where that is known, with where the value came from."""
    rows = []
    for name in spec.kind.settings:
        origin = spec.origins.get(name, "")
        rows.append(f"{name} {getattr(spec.settings, name)}" + (f"  ({origin})" if origin else ""))
    return rows
