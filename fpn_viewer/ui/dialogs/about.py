"""What this program is and on which libraries it runs; the text that belongs into a report of a fault."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLabel

from fpn_viewer.ui.dialogs.base import SmallDialog
from fpn_viewer.ui.icons import window_icon
from fpn_viewer.version import __version__

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.engine.values import DetectorInfo

PURPOSE = "Shows what a Feature-Pyramid detector saw in a picture, and where each level's signal came from."
#: looked up without importing them, because torch takes seconds
_PACKAGES = ("torch", "torchvision", "PySide6-Essentials", "pyqtgraph", "numpy", "pillow", "safetensors")


def versions(detector: DetectorInfo | None) -> dict[str, str]:
    """Program, libraries, system and devices, by name.

    Args:
        detector: Knows the devices; None before the first one is open.
    """
    # 50 ms that the first window need not wait for
    from importlib.metadata import PackageNotFoundError, version

    found = {"fpn_viewer": __version__, "Python": platform.python_version(), "Qt": qVersion()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    found["System"] = f"{platform.system()} {platform.release()} {platform.machine()}"
    if detector is not None:
        found["Devices"] = ", ".join(detector.devices)
        found["In use"] = detector.device
    return found


class AboutDialog(SmallDialog):
    """Purpose and versions, with a button that copies them."""

    def __init__(self, detector: DetectorInfo | None, parent: QWidget) -> None:
        """Looks the versions up.

        Args:
            detector: As for `versions`.
            parent: The window.
        """
        super().__init__("About fpn_viewer", parent)
        lines = [f"{name}  {text}" for name, text in versions(detector).items()]
        self._text = "\n".join(lines)
        symbol = QLabel(alignment=Qt.AlignmentFlag.AlignTop)
        symbol.setPixmap(window_icon().pixmap(64, 64))
        purpose = QLabel(PURPOSE, wordWrap=True)
        purpose.setMinimumWidth(320)
        top = QHBoxLayout()
        top.setSpacing(16)
        top.addWidget(symbol)
        top.addWidget(purpose, 1)
        self.column.addLayout(top)
        rows = "".join(f"<tr><td style='padding-right:16px'>{n}</td><td>{t}</td></tr>" for n, t in versions(detector).items())
        table = QLabel(f"<table>{rows}</table>")
        flag = Qt.TextInteractionFlag
        table.setTextInteractionFlags(flag.TextSelectableByMouse | flag.TextSelectableByKeyboard)
        self.column.addWidget(table)
        self.add_button("Copy").clicked.connect(self._copy)
        self.finish()

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text)
