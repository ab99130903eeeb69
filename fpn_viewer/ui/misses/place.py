"""The place of the dock "Misses"; nothing of its panel is made or imported before it is first seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QVBoxLayout, QWidget

if TYPE_CHECKING:
    from PySide6.QtGui import QAction, QShowEvent

    from fpn_viewer.ui.misses.panel import MissesPanel
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.scans import Scans


class MissesPlace(QWidget):
    """Makes the panel when it is shown.

    Attributes:
        panel: None before that.
    """

    def __init__(self, scans: Scans, document: Document, buttons: tuple[QAction, ...], parent: QWidget | None = None) -> None:
        """An empty place.

        Args:
            scans: the open scan.
            document: shows pictures.
            buttons: offered where no scan is open.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._wanted = scans, document, buttons
        self.panel: MissesPanel | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)

    def sizeHint(self) -> QSize:
        """As the panel's, so that the dock has its height before."""
        return QSize(900, 260)

    def showEvent(self, event: QShowEvent) -> None:
        """Makes what is in it."""
        super().showEvent(event)
        if self.panel is None:
            from fpn_viewer.ui.misses.panel import MissesPanel

            self.panel = MissesPanel(*self._wanted, self)
            layout = self.layout()
            assert layout is not None
            layout.addWidget(self.panel)
